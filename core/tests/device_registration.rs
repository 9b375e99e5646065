//! The answers to browsers that register a key.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use common::Section;
use common::device_server::{NOW, Server, session, status_of_registration, users};
use common::devices::Device;
use session_crypto_core::{
    Challenge, ChallengeFor, ProvedAt, RegistrationAnswer, Standing, Unsealed,
};

mod common;

#[test]
fn a_registration_is_judged_by_its_challenge_first() {
    let server = Server::new();
    let (device, session) = (Device::p256(), session(b'w'));
    let offer = server.offer(session);
    let good = device.registration(&offer);
    let wrong = Device::p256().registration(&offer);
    let (signed, _) = good.rsplit_once('.').unwrap();
    let (_, signature) = wrong.rsplit_once('.').unwrap();
    let wrong = format!("{signed}.{signature}");
    let refresh = Challenge {
        session,
        made: NOW,
        purpose: ChallengeFor::Refresh,
    };
    let refresh = device.registration(&server.seal(&refresh.text()));
    let text = format!("user=joe&session-crypto={}", session.value());
    let session_token = device.registration(&server.seal(&text));
    let stranger = Server(Section::new(&["another"], &["aes-256-gcm"])).offer(session);
    let stranger = device.registration(&stranger);
    let none = device.registration("none");
    for (proof, now, expected) in [
        (Some(&good), NOW, (200, "")),
        (Some(&good), NOW + 300, (200, "")),
        (Some(&good), NOW + 301, (400, "challenge_age")),
        (None, NOW, (400, "no_proof")),
        (Some(&device.refresh(&offer)), NOW, (400, "proof_no_key")),
        (Some(&wrong), NOW, (400, "proof_signature")),
        (Some(&refresh), NOW, (400, "challenge_purpose")),
        (Some(&session_token), NOW, (400, "no_challenge")),
        (Some(&none), NOW, (400, "no_challenge")),
        (Some(&stranger), NOW, (503, "challenge_elsewhere")),
    ] {
        let answer = server.register(proof.map(String::as_str), now);
        assert_eq!(status_of_registration(&answer), expected);
    }
    for (standing, expected) in [
        (Standing::Ended, (400, "ended")),
        (Standing::Unknown, (503, "standing_unknown")),
    ] {
        let answer = server.registration(Some(&good), NOW, |request| request.standing = standing);
        assert_eq!(status_of_registration(&answer), expected);
    }
    let failed = server.registration(Some(&good), NOW, |request| {
        request.challenge = Unsealed::Failed;
    });
    assert_eq!(status_of_registration(&failed), (503, "challenge_failed"));
}

#[test]
fn a_registration_gives_what_it_says() {
    let server = Server::new();
    let device = Device::rsa();
    let proof = device.registration(&server.offer(session(b'w')));
    let RegistrationAnswer::Registered(registered) = server.register(Some(&proof), NOW + 5) else {
        panic!("not registered");
    };
    assert_eq!(registered.key.key, device.key());
    assert_eq!(registered.key.users, users());
    assert_eq!(registered.bound.device, device.key().device());
    assert_eq!(registered.bound.ends, NOW + 5 + 60 + 30);
    assert_eq!(registered.bound.step, ProvedAt::Registration);
    assert_eq!(registered.next.purpose, ChallengeFor::Refresh);
    for session_of in [
        registered.key.session,
        registered.bound.session,
        registered.next.session,
    ] {
        assert_eq!(session_of, session(b'w'));
    }
}

/// The endpoint may see the session as well, and a second key would take it from the first.
#[test]
fn a_bound_session_gets_no_second_device() {
    let server = Server::new();
    let device = Device::p256();
    let proof = device.registration(&server.offer(session(b'w')));
    let own = device.key().device();
    let other = Device::p256().key().device();
    for (brought, expected) in [
        (session(b'w'), 200),
        (session(b'w').bound_to(own), 200),
        (session(b'w').bound_to(other), 400),
        (session(b'A').bound_to(other), 200),
    ] {
        let answer = server.registration(Some(&proof), NOW, |request| {
            request.session = Some(brought);
        });
        assert_eq!(status_of_registration(&answer).0, expected, "{brought:?}");
    }
}
