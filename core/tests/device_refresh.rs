//! The answers to browsers that prove their key again.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use common::Section;
use common::device_server::{LIFETIME, NOW, Registered, Request, Server, session, status};
use session_crypto_core::{
    Challenge, ChallengeFor, KeyCookie, KeyThumbprint, Proof, ProvedAt, Refresh, RefreshAnswer,
    Standing,
};

mod common;

#[test]
fn a_refresh_is_refused_only_where_the_matter_is_clear() {
    let server = Server::new();
    let (browser, thief) = (Registered::at(&server), Registered::at(&server));
    let stranger = Server(Section::new(&["another"], &["aes-256-gcm"]));
    let proof = browser.device.refresh(&browser.next);
    let good = Request {
        id: Some(&browser.id),
        keys: &[&browser.key],
        proof: Some(&proof),
        standing: Standing::Alive,
        now: NOW + 1,
    };
    let challenge = |session, made, purpose| {
        let challenge = Challenge {
            session,
            made,
            purpose,
        };
        browser.device.refresh(&server.seal(&challenge.text()))
    };
    let offered = browser.device.refresh(&server.offer(browser.session));
    let other = challenge(session(b'A'), NOW, ChallengeFor::Refresh);
    let old = challenge(browser.session, NOW - 900, ChallengeFor::Refresh);
    let ahead = challenge(browser.session, NOW + 80_000, ChallengeFor::Refresh);
    let as_challenge = browser.device.refresh(&browser.key);
    let (stolen, bare) = (
        thief.device.refresh(&browser.next),
        browser.device.refresh("x"),
    );
    let registered = thief.device.registration(&browser.next);
    let elsewhere = stranger.seal("!c1");
    let elsewhere = browser.device.refresh(&elsewhere);
    let session_token = server.seal("user=joe");
    let bound = server.seal(&browser.bound.text());
    let foreign_key = stranger.seal("!k1");
    let (key, next) = (browser.key.as_str(), browser.next.as_str());
    for (name, request, expected) in [
        ("good", good, (200, "")),
        ("late", good.at(NOW + 900), (200, "")),
        ("too late", good.at(NOW + 901), (403, "challenge_age")),
        ("other id", good.id(Some(&thief.id)), (401, "no_key")),
        ("no id", good.id(None), (503, "no_session_id")),
        ("bad id", good.id(Some("1")), (503, "no_session_id")),
        ("no key", good.keys(&[]), (401, "no_key")),
        (
            "session as key",
            good.keys(&[&session_token]),
            (401, "no_key"),
        ),
        ("bound cookie as key", good.keys(&[&bound]), (401, "no_key")),
        ("challenge as key", good.keys(&[next]), (401, "no_key")),
        (
            "foreign key",
            good.keys(&[&foreign_key]),
            (503, "key_elsewhere"),
        ),
        (
            "tossed keys",
            good.keys(&["x", &foreign_key, &thief.key, key]),
            (200, ""),
        ),
        ("ended", good.standing(Standing::Ended), (200, "ended")),
        (
            "ended, no proof",
            good.standing(Standing::Ended).without_proof(),
            (200, "ended"),
        ),
        (
            "unknown",
            good.standing(Standing::Unknown),
            (503, "standing_unknown"),
        ),
        ("no proof", good.without_proof(), (403, "no_proof")),
        ("no JWT", good.proof("x"), (401, "proof_parts")),
        ("no challenge", good.proof(&bare), (403, "no_challenge")),
        (
            "key as challenge",
            good.proof(&as_challenge),
            (403, "no_challenge"),
        ),
        (
            "offer as challenge",
            good.proof(&offered),
            (403, "challenge_purpose"),
        ),
        (
            "challenge of another session",
            good.proof(&other),
            (403, "challenge_session"),
        ),
        ("old challenge", good.proof(&old), (403, "challenge_age")),
        ("clock of another server", good.proof(&ahead), (200, "")),
        (
            "challenge of a stranger",
            good.proof(&elsewhere),
            (403, "challenge_elsewhere"),
        ),
        (
            "thief's signature",
            good.proof(&stolen),
            (401, "proof_signature"),
        ),
        (
            "thief's key in the proof",
            good.proof(&registered),
            (401, "proof_signature"),
        ),
        (
            "thief's key cookie",
            good.id(Some(&thief.id)).keys(&[&thief.key]),
            (401, "proof_signature"),
        ),
    ] {
        let answer = server.refresh(&request);
        assert_eq!(status(&answer), expected, "{name}");
        match answer {
            RefreshAnswer::Refreshed { bound, next } => {
                assert_eq!(bound.ends, request.now + LIFETIME + 30, "{name}");
                assert_eq!(bound.step, ProvedAt::Refresh, "{name}");
                assert_eq!(bound.session, browser.session, "{name}");
                assert_eq!(bound.device, browser.device.key().device(), "{name}");
                assert_eq!(next.made, request.now, "{name}");
            }
            // The next proof is good.
            RefreshAnswer::Challenge(next, _) => {
                let proof = browser.device.refresh(&server.seal(&next.text()));
                let again = Request {
                    proof: Some(&proof),
                    ..request
                };
                assert_eq!(status(&server.refresh(&again)), (200, ""), "{name}");
            }
            RefreshAnswer::Ended(id) => assert_eq!(id.to_string(), browser.id),
            _ => (),
        }
    }
}

/// A handler that looks at the first key cookie alone does no harm.
#[test]
fn the_key_cookie_must_be_that_of_the_named_session() {
    let server = Server::new();
    let (browser, thief) = (Registered::at(&server), Registered::at(&server));
    let proof = thief.device.refresh(&thief.next);
    let refresh = Refresh {
        id: KeyThumbprint::parse(browser.id.as_bytes()),
        key: server.open(&thief.key, KeyCookie::read),
        standing: Standing::Alive,
        proof: Some(Proof::of_refresh(proof.as_bytes())),
        challenge: server.open(&thief.next, Challenge::read),
        now: NOW,
        lifetime: LIFETIME,
    };
    assert_eq!(status(&refresh.answer()), (401, "no_key"));
}
