//! Work with secrets, for `tools/constant-time` to watch: valgrind reports each branch and
//! each index that depends on one. Without valgrind these tests show little.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::num::NonZeroUsize;

use common::tokens::with_part;
use common::{NOW, Section};
use session_crypto_core::{Origin, Refusal, UserEntry};

mod common;

const SESSION: &[u8] = b"user=joe&expiry=4000000000000000";
const JOE: UserEntry<'_> = UserEntry {
    name: b"user",
    value: b"joe",
};

/// Seals, opens with a new context and with a kept one, and refuses a token with another MAC
/// or tag, and a token of another section.
fn works(section: &Section, other: &Section, refusal: Refusal) {
    let token = section.seal(SESSION);
    for _ in 0..2 {
        assert_eq!(section.open(&token).unwrap().0, SESSION);
    }
    let forged = match token.split_first_chunk::<4>() {
        _ if token.contains(&b'.') => with_part(&token, 4, "AAAAAAAAAAAAAAAAAAAAAA"),
        Some((_, rest)) => [b"AAAA".as_slice(), rest].concat(),
        None => Vec::new(),
    };
    assert_eq!(section.open(&forged).unwrap_err(), refusal);
    assert!(section.open(&other.seal(SESSION)).is_err());
}

fn user_ids(section: &Section) {
    section
        .keyring
        .prepare_user_ids(section.settings())
        .unwrap();
    for job in section.keyring.jobs(NOW.seconds, NonZeroUsize::MIN).open {
        job.derive().unwrap();
    }
    let sealer = section.sealer_of_a_request();
    assert_eq!(sealer.user_ids(JOE, NOW).unwrap().len(), 1);
}

#[test]
fn passphrases_are_compared() {
    let section = Section::new(&["a passphrase"], &["aes256"]);
    for other in ["a passphrasf", "b passphrase", "a passphrase"] {
        section
            .keyring
            .passphrase(other.as_bytes(), Origin::Server)
            .unwrap();
    }
}

#[test]
fn classic_tokens_have_a_mac() {
    let sections = ["aes256", "3des192"].map(|cipher| {
        let new = |passphrase| Section::new(&[passphrase], &[cipher]);
        (new("one passphrase"), new("another passphrase"))
    });
    for (section, other) in &sections {
        works(section, other, Refusal::NotAuthentic);
    }
}

#[test]
fn passphrases_give_the_keys_of_days() {
    let new = |passphrase| Section::new(&[passphrase], &["aes-256-gcm"]);
    let section = new("one passphrase");
    works(&section, &new("another"), Refusal::Tag);
    user_ids(&section);
}

#[test]
fn keys_of_sets_wrap_content_keys() {
    let set = |id: &str, k: &str| {
        format!(
            r#"{{"keys":[{{"kty":"oct","kid":"{id}","k":"{}"}}]}}"#,
            k.repeat(43)
        )
    };
    let [one, other] = ["A", "Q"].map(|k| Section::with_key_set(&set("a", k), &["aes-256-gcm"]));
    works(&one, &other, Refusal::Tag);
    user_ids(&one);
    // Another process has the same key, and unwraps.
    let again = Section::with_key_set(&set("a", "A"), &["aes-256-gcm"]);
    assert_eq!(again.open(&one.seal(SESSION)).unwrap().0, SESSION);
}

#[test]
fn private_keys_unwrap_content_keys() {
    for [name, other] in [["rsa-2048", "p-256"], ["p-256", "rsa-2048"]] {
        let new = |name| Section::certified(&[name], &["aes-256-gcm"]);
        let section = new(name);
        works(&section, &new(other), Refusal::Tag);
        user_ids(&section);
        assert_eq!(new(name).open(&section.seal(SESSION)).unwrap().0, SESSION);
    }
}
