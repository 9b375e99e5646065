//! The answers to browsers that register a key.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::cell::Cell;

use common::Section;
use common::device_server::{
    NOW, Server, session, session_at, status_of_registration, user, users,
};
use common::devices::Device;
use session_crypto_core::{
    Challenge, ChallengeFor, KeyCookie, ProvedAt, RegistrationAnswer, SessionUsers, Standing,
    Unsealed,
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

/// Two logins in one browser, whose registrations come in reverse order.
#[test]
fn a_session_does_not_take_the_device_of_a_younger_one() {
    let server = Server::new();
    let (device, kept) = (Device::p256(), Device::p256().key());
    let (older, same, younger) = (NOW - 1, NOW, NOW + 1);
    let nobody = SessionUsers::default;
    for (users, brought, expected) in [
        (users(), (younger, b'A', users()), (400, "younger_session")),
        (users(), (younger, b'w', users()), (400, "younger_session")),
        (users(), (same, b'A', users()), (200, "")),
        (users(), (same, b'w', users()), (200, "")),
        (users(), (older, b'A', users()), (200, "")),
        // Cookies that a neighbour host has put there.
        (users(), (younger, b'A', user("eve")), (200, "")),
        (users(), (younger, b'A', nobody()), (200, "")),
        (nobody(), (younger, b'A', users()), (200, "")),
        (nobody(), (younger, b'A', nobody()), (200, "")),
    ] {
        let proof = device.registration(&server.offer_to(users, session(b'w')));
        let (birth, name, users) = brought;
        let brought = KeyCookie {
            session: session_at(birth, name),
            users,
            key: kept.clone(),
        };
        let planted = KeyCookie {
            session: session_at(NOW + 2, b'Q'),
            users: user("eve"),
            key: kept.clone(),
        };
        for cookies in [vec![brought.clone()], vec![planted, brought.clone()]] {
            let answer = server.register_with(&proof, NOW, cookies);
            assert_eq!(status_of_registration(&answer), expected, "{brought:?}");
        }
    }
}

/// Whoever sends no good challenge costs the host nothing but opening that.
#[test]
fn a_key_cookie_is_opened_for_a_good_challenge_alone() {
    let server = Server::new();
    let device = Device::p256();
    let refresh = Challenge {
        session: session(b'w'),
        made: NOW,
        purpose: ChallengeFor::Refresh,
    };
    let refresh = device.registration(&server.seal(&refresh.text()));
    let good = device.registration(&server.offer(session(b'w')));
    let none = device.registration("none");
    for (proof, now, expected) in [
        (&good, NOW, 1),
        (&good, NOW + 301, 0),
        (&refresh, NOW, 0),
        (&none, NOW, 0),
    ] {
        let opened = Cell::new(0);
        let brought = std::iter::from_fn(|| {
            opened.set(opened.get() + 1);
            None
        });
        server.register_with(proof, now, brought);
        assert_eq!(opened.get(), expected);
    }
}
