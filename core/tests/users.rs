//! The ids of users, under the keys of sections.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::sync::Arc;

use common::{NOW, Section};
use session_crypto_core::{
    HeapArena, KeyJob, Keyring, OpenSslRandom, OpeningKey, Priority, Seed, SharedMemory, UserEntry,
    UserId, UserIdError,
};

mod common;

const JOE: UserEntry<'_> = UserEntry {
    name: b"user",
    value: b"joe",
};
const GCM: &[&str] = &["aes-256-gcm"];
const CBC: &[&str] = &["aes256"];
const BOTH: &[&str] = &["aes-256-gcm", "aes256"];
const BOTH_CLASSIC_FIRST: &[&str] = &["aes256", "aes-256-gcm"];

/// All ids of a user in a section.
fn ids(section: &Section) -> Vec<UserId> {
    prepare(section);
    let sealer = section.sealer_of_a_request();
    sealer.user_ids(JOE, NOW).unwrap()
}

fn prepare(section: &Section) {
    section
        .keyring
        .prepare_user_ids(section.settings())
        .unwrap();
    for job in jobs(section) {
        job.derive().unwrap();
    }
}

fn jobs(section: &Section) -> Vec<KeyJob> {
    section.keyring.jobs(NOW.seconds, NonZeroUsize::MIN).open
}

/// The key that opens a token in a section.
fn opening_key(section: &Section, token: &[u8]) -> OpeningKey {
    section.sealer().open(token, NOW, &HeapArena).unwrap().key
}

/// The id of a user under the key that opens a token in a section.
fn id_of_token(section: &Section, token: &[u8]) -> UserId {
    let key = opening_key(section, token);
    prepare(section);
    section
        .sealer_of_a_request()
        .user_id(key, JOE, NOW)
        .unwrap()
}

/// A keyring for many sections, so that each passphrase has one derivation.
fn keyring() -> Arc<Keyring> {
    Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap())
}

#[test]
fn the_key_that_opened_a_token_has_the_id_that_its_own_section_has() {
    let keyring = keyring();
    for ciphers in [GCM, CBC, BOTH, BOTH_CLASSIC_FIRST] {
        let section = |passphrases: &[&str]| Section::within(keyring.clone(), passphrases, ciphers);
        let rotated = section(&["new", "old"]);
        let all = ids(&rotated);
        assert_eq!(all.len(), 2, "{ciphers:?}");
        for (position, passphrase) in ["new", "old"].into_iter().enumerate() {
            let alone = section(&[passphrase]);
            let token = alone.seal(b"user=joe");
            let id = id_of_token(&rotated, &token);
            assert_eq!(Some(&id), all.get(position), "{ciphers:?} {passphrase}");
            assert_eq!(vec![id], ids(&alone), "{ciphers:?} {passphrase}");
        }
    }
}

#[test]
fn the_key_that_opened_a_token_with_a_certificate_has_the_id_of_the_certificate() {
    let names = ["p-256", "rsa-2048", "p-521"];
    let rotated = Section::certified(&names, GCM);
    let all = ids(&rotated);
    for (position, name) in names.into_iter().enumerate() {
        let elsewhere = Section::certified(&[name], GCM);
        let id = id_of_token(&rotated, &elsewhere.seal(b"user=joe"));
        assert_eq!(Some(&id), all.get(position), "{name}");
        assert_eq!(vec![id], ids(&elsewhere), "{name}");
    }
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), names.len());
}

#[test]
fn tokens_opened_again_tell_the_same_key() {
    let section = Section::new(&["new", "old"], GCM);
    for passphrase in ["new", "old"] {
        let beside = Section::within(section.keyring.clone(), &[passphrase], GCM);
        let token = beside.seal(b"user=joe");
        let first = opening_key(&section, &token);
        assert_eq!(opening_key(&section, &token), first, "{passphrase}");
    }
}

#[test]
fn another_key_or_purpose_has_other_ids() {
    let keyring = keyring();
    let section = |passphrase| Section::within(keyring.clone(), &[passphrase], GCM);
    let sections = [
        section("one"),
        section("other"),
        section("one").purpose("shop"),
        section("one").purpose("desk"),
        section("one").digest("SHA512"),
    ];
    let all: HashSet<_> = sections.iter().flat_map(ids).collect();
    assert_eq!(all.len(), sections.len());
}

/// A classic token carries no purpose, so sections with other purposes open it too.
#[test]
fn a_classic_token_has_an_id_without_the_purpose() {
    let keyring = keyring();
    let section = |ciphers| Section::within(keyring.clone(), &["one"], ciphers);
    let classic = section(CBC);
    let [shop, desk] = ["shop", "desk"].map(|purpose| section(BOTH).purpose(purpose));
    let token = classic.seal(b"user=joe");
    let id = id_of_token(&classic, &token);
    for with_purpose in [&shop, &desk] {
        assert_eq!(id_of_token(with_purpose, &token), id);
        let own = id_of_token(with_purpose, &with_purpose.seal(b"user=joe"));
        assert_ne!(own, id);
        assert_eq!(ids(with_purpose), [own, id]);
    }
    assert_ne!(ids(&shop), ids(&desk));
    // Without classic ciphers there are no such tokens.
    assert_eq!(ids(&section(GCM).purpose("shop")).len(), 1);
}

#[test]
fn names_of_entries_are_alike_in_upper_and_lower_case_and_values_are_not() {
    let section = Section::certified(&["p-256"], GCM);
    let id = |name: &[u8], value: &[u8]| {
        let user = UserEntry { name, value };
        section.sealer_of_a_request().user_ids(user, NOW).unwrap()
    };
    assert_eq!(id(b"USER", b"joe"), id(b"user", b"joe"));
    assert_ne!(id(b"user", b"Joe"), id(b"user", b"joe"));
    assert_ne!(id(b"my-user", b"joe"), id(b"user", b"joe"));
}

#[test]
fn a_key_of_another_section_is_no_key() {
    let two = Section::new(&["one", "two"], GCM);
    let second = Section::within(two.keyring.clone(), &["two"], GCM);
    let key = opening_key(&two, &second.seal(b"user=joe"));
    let outcome = second.sealer().user_id(key, JOE, NOW);
    assert!(matches!(outcome, Err(UserIdError::NoKey)));
}

/// A section of a `.htaccess` file is not prepared, and its author pays.
#[test]
fn a_request_derives_the_key_that_nobody_prepared_until_the_limit() {
    let keyring = keyring();
    let mut derived = 0;
    let outcome = loop {
        let passphrase = format!("passphrase {derived}");
        let section = Section::within(keyring.clone(), &[&passphrase], CBC);
        match section.sealer_of_a_request().user_ids(JOE, NOW) {
            Ok(_) => derived += 1,
            Err(error) => break error,
        }
        assert!(derived < 10);
    };
    assert!(matches!(outcome, UserIdError::TooManyKeys));
    assert_eq!(derived, 4);
    // A key that was derived once stays.
    let section = Section::within(keyring, &["passphrase 0"], CBC);
    assert!(section.sealer_of_a_request().user_ids(JOE, NOW).is_ok());
}

#[test]
fn no_id_takes_no_key() {
    let section = Section::new(&["one"], CBC);
    let token = section.seal(b"user=joe");
    section.open(&token).unwrap();
    assert_eq!(jobs(&section).len(), 0);
    section
        .keyring
        .prepare(section.settings(), Priority::Named, NOW.seconds)
        .unwrap();
    // The classic key of the hour.
    assert_eq!(jobs(&section).len(), 1);
    section
        .keyring
        .prepare_user_ids(section.settings())
        .unwrap();
    assert_eq!(jobs(&section).len(), 2);
}
