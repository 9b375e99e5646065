//! The state that a keyring keeps, its limits, and the times at which it derives a key.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use session_crypto_core::{
    Cost, DefaultCiphers, HeapArena, Keyring, Now, OpenError, OpenSslRandom, Origin, Passphrase,
    PassphraseList, Refusal, Sealer, Secrets, Seed, Settings, SharedMemory,
};

mod common;

const NOON: u64 = 1_800_000_000;
const HOUR: u64 = 3600;
const SESSION: &[u8] = b"user=joe";

fn keyring(seed: u8) -> Keyring {
    Keyring::new(Seed([seed; 16]), OpenSslRandom, SharedMemory::alone()).unwrap()
}

fn at(seconds: u64) -> Now {
    Now {
        seconds,
        processor: 0,
    }
}

fn sealer<'k>(keyring: &'k Keyring, passphrases: &'k PassphraseList) -> Sealer<'k> {
    Sealer::new(keyring, settings(keyring, passphrases))
}

fn settings<'k>(keyring: &'k Keyring, passphrases: &'k PassphraseList) -> Settings<'k> {
    let ciphers = keyring.default_ciphers(None, DefaultCiphers::Classic);
    Settings::new(Secrets::Passphrases(passphrases), ciphers)
}

fn passphrase(keyring: &Keyring, text: &str) -> Arc<Passphrase> {
    keyring.passphrase(text.as_bytes(), Origin::Server).unwrap()
}

fn secret(keyring: &Keyring) -> PassphraseList {
    [passphrase(keyring, "secret")].into_iter().collect()
}

#[test]
fn equal_passphrases_are_one_value() {
    let keyring = keyring(1);
    let one = passphrase(&keyring, "secret");
    let again = keyring.passphrase(b"secret", Origin::Htaccess).unwrap();
    let other = keyring.passphrase(b"Secret", Origin::Server).unwrap();
    assert!(Arc::ptr_eq(&one, &again));
    assert!(!Arc::ptr_eq(&one, &other));
}

#[test]
fn keeps_no_more_passphrases_of_htaccess_than_its_limit() {
    let keyring = keyring(1);
    let kept = passphrase(&keyring, "secret");
    let passphrases: Vec<_> = (0..10 * Keyring::<OpenSslRandom>::MAX_FROM_HTACCESS)
        .map(|number| {
            let text = format!("passphrase {number}");
            keyring
                .passphrase(text.as_bytes(), Origin::Htaccess)
                .unwrap()
        })
        .collect();
    // One reference is this vector's, and any other is the keyring's.
    let kept_count = passphrases
        .iter()
        .filter(|passphrase| Arc::strong_count(passphrase) > 1)
        .count();
    assert_eq!(kept_count, Keyring::<OpenSslRandom>::MAX_FROM_HTACCESS);
    assert!(
        Arc::strong_count(&kept) > 1,
        "passphrases of the server configuration stay"
    );
}

#[test]
fn keeps_a_passphrase_of_htaccess_that_the_server_has_too() {
    let keyring = keyring(1);
    let both = keyring.passphrase(b"both", Origin::Htaccess).unwrap();
    assert!(Arc::ptr_eq(&both, &passphrase(&keyring, "both")));
    for number in 0..10 * Keyring::<OpenSslRandom>::MAX_FROM_HTACCESS {
        let text = format!("passphrase {number}");
        keyring
            .passphrase(text.as_bytes(), Origin::Htaccess)
            .unwrap();
    }
    assert!(Arc::ptr_eq(&both, &passphrase(&keyring, "both")));
}

#[test]
fn a_sealer_and_an_engine_print_their_names_only() {
    let keyring = keyring(1);
    let passphrases = secret(&keyring);
    assert_eq!(format!("{:?}", sealer(&keyring, &passphrases)), "Sealer");
    let engine = keyring.engine("provider:legacy", Origin::Server).unwrap();
    assert_eq!(format!("{engine:?}"), "Engine(legacy)");
}

#[test]
fn forgets_the_htaccess_passphrase_that_was_asked_for_least_recently() {
    let keyring = keyring(1);
    let regular = keyring.passphrase(b"regular", Origin::Htaccess).unwrap();
    for number in 0..10 * Keyring::<OpenSslRandom>::MAX_FROM_HTACCESS {
        keyring
            .passphrase(format!("passphrase {number}").as_bytes(), Origin::Htaccess)
            .unwrap();
        let again = keyring.passphrase(b"regular", Origin::Htaccess).unwrap();
        assert!(Arc::ptr_eq(&regular, &again));
    }
}

#[test]
fn derives_one_key_an_hour() {
    let keyring = keyring(1);
    let passphrases = secret(&keyring);
    let sealer = sealer(&keyring, &passphrases);
    for (now, derived) in [
        (NOON, true),
        (NOON + 1, false),
        (NOON + HOUR, true),
        (NOON + HOUR, false),
    ] {
        let sealed = sealer.seal(SESSION, at(now), &HeapArena).unwrap();
        assert_eq!(sealed.cost != Cost::None, derived, "{now}");
        let opened = sealer
            .open(sealed.token.to_bytes(), at(now), &HeapArena)
            .unwrap();
        assert!(opened.cost == Cost::None && !opened.stale, "{now}");
    }
}

#[test]
fn opens_the_tokens_of_past_hours_without_deriving() {
    let keyring = keyring(1);
    let passphrases = secret(&keyring);
    let sealer = sealer(&keyring, &passphrases);
    let tokens: Vec<_> = (0..100)
        .map(|hour| {
            sealer
                .seal(SESSION, at(NOON + hour * HOUR), &HeapArena)
                .unwrap()
                .token
        })
        .collect();
    for token in tokens {
        let opened = sealer
            .open(token.to_bytes(), at(NOON + 100 * HOUR), &HeapArena)
            .unwrap();
        assert!(opened.cost == Cost::None);
        assert_eq!(opened.session.to_bytes(), SESSION);
    }
}

#[test]
fn a_keyring_with_the_same_seed_derives_the_same_keys() {
    let (before, after, elsewhere) = (keyring(1), keyring(1), keyring(2));
    let passphrases = secret(&before);
    let token = sealer(&before, &passphrases)
        .seal(SESSION, at(NOON), &HeapArena)
        .unwrap()
        .token;
    for (keyring, derived) in [(&after, false), (&elsewhere, true)] {
        let passphrases = secret(keyring);
        let sealer = sealer(keyring, &passphrases);
        sealer.seal(SESSION, at(NOON), &HeapArena).unwrap();
        let opened = sealer.open(token.to_bytes(), at(NOON), &HeapArena).unwrap();
        assert_eq!(opened.cost != Cost::None, derived);
    }
}

#[test]
fn a_token_that_is_not_authentic_derives_nothing() {
    let (keyring, elsewhere) = (keyring(1), keyring(2));
    let other = [passphrase(&elsewhere, "other")].into_iter().collect();
    let token = sealer(&elsewhere, &other)
        .seal(SESSION, at(NOON), &HeapArena)
        .unwrap()
        .token;
    let passphrases = secret(&keyring);
    let refused = sealer(&keyring, &passphrases).open(token.to_bytes(), at(NOON), &HeapArena);
    assert!(matches!(
        refused,
        Err(OpenError::Refused(Refusal::NotAuthentic))
    ));
    // The key of the hour is the first key that this keyring derives.
    let sealed = sealer(&keyring, &passphrases).seal(SESSION, at(NOON), &HeapArena);
    assert_eq!(sealed.unwrap().cost, Cost::Derivation);
}

#[test]
fn no_iv_repeats() {
    let keyring = keyring(1);
    let passphrases = secret(&keyring);
    let sealer = sealer(&keyring, &passphrases);
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20_000 {
        let token = sealer.seal(SESSION, at(NOON), &HeapArena).unwrap().token;
        let raw = base64_simd::STANDARD
            .decode_to_vec(token.to_bytes())
            .unwrap();
        assert!(seen.insert(raw.get(24..40).unwrap().to_vec()));
    }
}

#[test]
fn threads_and_sections_do_not_mix_their_keys() {
    let keyring = keyring(1);
    let sections: Vec<PassphraseList> = (0..4)
        .map(|number| {
            [passphrase(&keyring, &format!("section {number}"))]
                .into_iter()
                .collect()
        })
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..8_usize {
            let (keyring, sections) = (&keyring, &sections);
            scope.spawn(move || {
                for round in 0..500_usize {
                    let session = format!("thread={thread}&round={round}");
                    let passphrases = &sections[round % 4];
                    let now = Now {
                        seconds: NOON,
                        processor: thread % 2,
                    };
                    let sealer = sealer(keyring, passphrases);
                    let token = sealer
                        .seal(session.as_bytes(), now, &HeapArena)
                        .unwrap()
                        .token;
                    let opened = sealer.open(token.to_bytes(), now, &HeapArena).unwrap();
                    assert_eq!(opened.session.to_bytes(), session.as_bytes());
                }
            });
        }
    });
}
