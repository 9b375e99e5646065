//! The number of times that the private key of a certificate is used.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::HashSet;
use std::sync::Barrier;

use common::certified::{CERTIFICATES, GCM, HOUR, SESSION, at, sections};
use common::tokens::{part, parts};
use common::{NOW, Section};

use session_crypto_core::{Cost, HeapArena, Priority};

mod common;

/// A section of [`sections`], by its name, in a keyring of its own like another server's.
fn elsewhere(name: &str) -> Section {
    let (certificate, digest) = match name.split_once(", ") {
        Some(parts) => parts,
        None => (name, "SHA256"),
    };
    Section::certified(&[certificate], GCM).digest(digest)
}

#[test]
fn seals_each_hour_with_one_content_key() {
    for (name, section) in sections() {
        let seal = |now, processor| {
            let sealed = section
                .sealer()
                .seal(SESSION, at(now, processor), &HeapArena)
                .unwrap();
            (parts(sealed.token.to_bytes()), sealed.cost != Cost::None)
        };
        let start = NOW.seconds;
        let (first, derived) = seal(start, 0);
        assert!(derived, "{name}");
        let mut nonces = HashSet::from([first.get(2).unwrap().clone()]);
        for (now, processor) in [(0, 0), (1, 1), (HOUR - 1, 2), (HOUR - 1, 0)] {
            let (again, derived) = seal(start + now, processor);
            assert!(!derived, "{name} {now}");
            assert_eq!(again.get(..2), first.get(..2), "{name} {now}");
            assert!(nonces.insert(again.get(2).unwrap().clone()), "{name} {now}");
        }
        let (next, derived) = seal(start + HOUR, 0);
        assert!(derived, "{name}");
        for index in 0..3 {
            assert_ne!(next.get(index), first.get(index), "{name} {index}");
        }
        assert!(!seal(start + HOUR, 1).1, "{name}");
    }
}

#[test]
fn processes_have_content_keys_of_their_own() {
    for name in CERTIFICATES {
        let [one, other] = [(); 2].map(|()| Section::certified(&[name], GCM));
        let token = one.seal(SESSION);
        assert_ne!(part(&token, 1), part(&other.seal(SESSION), 1), "{name}");
        assert_eq!(other.open(&token), Ok((SESSION.to_vec(), false)), "{name}");
    }
}

#[test]
fn sections_of_a_process_share_a_content_key() {
    let one = Section::certified(&["rsa-2048"], GCM);
    let other = one.certified_beside(&["rsa-2048", "p-256"], GCM);
    let purpose = one.certified_beside(&["rsa-2048"], GCM).purpose("shop");
    let key = part(&one.seal(SESSION), 1);
    assert_eq!(part(&other.seal(SESSION), 1), key);
    assert_ne!(part(&purpose.seal(SESSION), 1), key);
}

#[test]
fn decrypts_each_content_key_once() {
    for (name, section) in sections() {
        let elsewhere = elsewhere(&name);
        let open = |token: &[u8], processor| {
            let opened = section
                .sealer()
                .open(token, at(NOW.seconds, processor), &HeapArena);
            opened.unwrap().cost != Cost::None
        };
        let tokens: Vec<_> = (0..10)
            .map(|hour| {
                let now = at(NOW.seconds + hour * HOUR, 0);
                let sealed = elsewhere.sealer().seal(SESSION, now, &HeapArena).unwrap();
                sealed.token.to_bytes().to_vec()
            })
            .collect();
        for token in &tokens {
            assert!(open(token, 0), "{name}");
        }
        // These are more keys than a processor keeps contexts for, in another order.
        for token in tokens.iter().rev().chain(&tokens) {
            assert!(!open(token, 0), "{name}");
            assert!(!open(token, 1), "{name}");
        }
    }
}

#[test]
fn threads_that_open_a_token_at_once_decrypt_its_key_once() {
    for (name, section) in sections() {
        let token = elsewhere(&name).seal(SESSION);
        let barrier = Barrier::new(8);
        let derived: Vec<bool> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|processor| {
                    let (section, token, barrier) = (&section, &token, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let opened =
                            section
                                .sealer()
                                .open(token, at(NOW.seconds, processor), &HeapArena);
                        opened.unwrap().cost != Cost::None
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(
            derived.iter().filter(|derived| **derived).count(),
            1,
            "{name}"
        );
    }
}

#[test]
fn threads_that_seal_at_once_sign_once() {
    for (name, section) in sections() {
        let barrier = Barrier::new(8);
        let sealed: Vec<(bool, String)> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|processor| {
                    let (section, barrier) = (&section, &barrier);
                    scope.spawn(move || {
                        barrier.wait();
                        let now = at(NOW.seconds, processor);
                        let sealed = section.sealer().seal(SESSION, now, &HeapArena).unwrap();
                        (sealed.cost != Cost::None, part(sealed.token.to_bytes(), 1))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(
            sealed.iter().filter(|(derived, _)| *derived).count(),
            1,
            "{name}"
        );
        let keys: HashSet<_> = sealed.into_iter().map(|(_, key)| key).collect();
        assert_eq!(keys.len(), 1, "{name}");
    }
}

#[test]
fn opens_its_own_tokens_without_the_private_key() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        for processor in 0..3 {
            let now = at(NOW.seconds + 5 * HOUR, processor);
            let opened = section.sealer().open(&token, now, &HeapArena).unwrap();
            assert!(
                opened.cost == Cost::None && !opened.stale,
                "{name} {processor}"
            );
        }
    }
}

#[test]
fn the_first_request_of_a_child_uses_the_key_signed_before_the_fork() {
    for (name, section) in sections() {
        let keyring = &section.keyring;
        assert_eq!(
            keyring
                .prepare(section.settings(), Priority::Named, NOW.seconds)
                .unwrap(),
            1,
            "{name}"
        );
        assert_eq!(
            keyring
                .prepare(section.settings(), Priority::Named, NOW.seconds)
                .unwrap(),
            0,
            "{name}"
        );
        keyring.after_fork();
        let sealed = section.sealer().seal(SESSION, NOW, &HeapArena).unwrap();
        assert!(sealed.cost == Cost::None, "{name}");
    }
}
