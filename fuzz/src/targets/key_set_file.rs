//! The file of a JWK Set.
//!
//! A set that is taken is the one that `serde_json` reads: the same keys with the same bytes,
//! ids and dates, and no member twice. It is written as a text that gives the same set. An
//! error repeats no key.

use session_crypto_core::{KeySet, SetKey};

use serde_json::Value;

use crate::oracle::json::Members;
use crate::oracle::peer;
use crate::oracle::section::NOW;
use crate::oracle::vectors::vectors;

/// Reads the set.
pub fn run(text: &[u8]) {
    match KeySet::parse(text) {
        Ok(set) => check(text, &set),
        Err(error) => check_words(text, &error.to_string()),
    }
}

fn check(text: &[u8], set: &KeySet) {
    assert!(text.len() <= KeySet::MAX_TEXT && (1..=64).contains(&set.count()));
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let members = Members::of(text).unwrap();
    assert!(members.are_distinct());
    let keys: Vec<Members> = serde_json::from_str(members.raw("keys").unwrap()).unwrap();
    assert_eq!(keys.len(), set.count());
    let written = set.to_json();
    let written: Value = serde_json::from_str(&written).unwrap();
    for ((key, read), written) in keys
        .iter()
        .zip(set.keys())
        .zip(written["keys"].as_array().unwrap())
    {
        check_key(key, read, written);
    }
    let again = KeySet::parse(set.to_json().as_bytes()).unwrap();
    assert_eq!(again.to_json(), set.to_json());
    let mut ids: Vec<_> = set.keys().map(|key| key.id().as_str()).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[0] != pair[1]));
    // The key that seals is the newest of those that have begun and not ended.
    let begins = |key: &SetKey| key.dates().not_before.unwrap_or_default();
    let seals = |key: &&SetKey| {
        begins(key) <= NOW.seconds && key.dates().expires.is_none_or(|end| end > NOW.seconds)
    };
    let newest = set.keys().filter(seals).map(begins).max();
    assert_eq!(set.sealing(NOW.seconds).map(begins), newest);
}

fn check_key(key: &Members, read: &SetKey, written: &Value) {
    assert!(key.are_distinct());
    assert_eq!(key.text("kty").as_deref(), Some("oct"));
    let secret = key.text("k").unwrap();
    let bytes = peer::from_url(secret.as_bytes()).unwrap();
    assert_eq!(written["k"].as_str(), Some(secret.as_str()));
    let alg = match bytes.len() {
        16 => "A128KW",
        24 => "A192KW",
        32 => "A256KW",
        length => panic!("a key of {length} bytes"),
    };
    assert_eq!(written["alg"].as_str(), Some(alg));
    // The thumbprint (RFC 7638).
    let thumbprint = peer::sha256(format!(r#"{{"k":"{secret}","kty":"oct"}}"#).as_bytes());
    let id = key.text("kid").unwrap_or_else(|| peer::url(&thumbprint));
    assert_eq!(
        (read.id().as_str(), written["kid"].as_str()),
        (id.as_str(), Some(id.as_str()))
    );
    for (name, expected) in [("use", "enc"), ("alg", alg)] {
        assert!(!key.has(name) || key.text(name).as_deref() == Some(expected));
    }
    if let Some(list) = key.raw("key_ops") {
        let list: Vec<Value> = serde_json::from_str(list).unwrap();
        assert!(list.contains(&"wrapKey".into()) && list.contains(&"unwrapKey".into()));
    }
    let dates = read.dates();
    for (name, date) in [
        ("nbf", dates.not_before),
        ("exp", dates.expires),
        ("iat", dates.issued_at),
    ] {
        assert_eq!(key.has(name), date.is_some());
        let number: Option<f64> = key.raw(name).map(|raw| serde_json::from_str(raw).unwrap());
        // Dates are far below the numbers that a float rounds.
        assert_eq!(
            number.map(|number| number.trunc() + 0.0),
            date.map(|date| date as f64)
        );
        assert_eq!(written[name].as_u64(), date);
    }
    let begins = dates.not_before.unwrap_or_default();
    assert!(
        dates
            .expires
            .is_none_or(|end| dates.not_before.is_none() || end > begins)
    );
}

/// Fails if the words of an error have a secret of the text. They may have ids.
fn check_words(text: &[u8], words: &str) {
    let text = String::from_utf8_lossy(text);
    let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let values = |name: &str| -> Vec<String> {
        let start = format!("\"{name}\":\"");
        let rests = text.split(&start).skip(1);
        let values = rests.filter_map(|rest| rest.split('"').next());
        values.map(str::to_owned).collect()
    };
    let ids = values("kid").into_iter().filter(|id| !id.is_empty());
    let words = ids.fold(words.to_owned(), |words, id| words.replace(&id, ""));
    for secret in values("k").iter().filter(|secret| secret.len() >= 16) {
        assert!(!words.contains(secret.as_str()), "{words}");
    }
}

/// The sets of the vectors, and one with each member.
pub fn seeds() -> Vec<Vec<u8>> {
    let all = br#"{"keys":[{"kty":"oct","kid":"one","use":"enc","alg":"A256KW","key_ops":["wrapKey","unwrapKey"],
        "iat":1700000000,"nbf":1700000000.5,"exp":1.9e9,"k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"},
        {"k":"AAECAwQFBgcICQoLDA0ODw","kty":"oct","more":{"a":[null,true,-1]}},
        {"kty":"oct","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYX","nbf":1800000001}],"more":"\u0041"}"#;
    let vectors = vectors("jwe-key-set").into_iter();
    let mut seeds: Vec<_> = vectors
        .map(|vector| vector.text("keys").as_bytes().to_vec())
        .collect();
    seeds.sort();
    seeds.dedup();
    seeds.push(all.to_vec());
    seeds
}
