//! The public key of a device as JSON.
//!
//! A key that is read has the numbers that `serde_json` finds, no member twice and none of a
//! private key. Its thumbprint is that of RFC 7638.

use session_crypto_core::{DeviceKey, JwkFlaw, KeyThumbprint};

use crate::oracle::device;
use crate::oracle::json::Members;
use crate::oracle::peer;

const NOT_PUBLIC: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Reads the key.
pub fn run(text: &[u8]) {
    let key = match DeviceKey::from_jwk(text) {
        Ok(key) => key,
        Err(flaw) => return check_flaw(text, flaw),
    };
    assert!(text.len() <= 4096);
    let members = Members::of(text).unwrap();
    assert!(members.are_distinct() && !NOT_PUBLIC.iter().any(|name| members.has(name)));
    let text = |name| members.text(name).unwrap();
    let number = |name| peer::from_url(text(name).as_bytes()).unwrap();
    let (canonical, alg) = match text("kty").as_str() {
        "EC" => {
            assert_eq!(text("crv"), "P-256");
            assert!(number("x").len() == 32 && number("y").len() == 32);
            let (x, y) = (text("x"), text("y"));
            (
                format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#),
                "ES256",
            )
        }
        "RSA" => {
            assert_eq!(text("e"), "AQAB");
            let modulus = number("n");
            let bits = modulus.len() * 8 - modulus[0].leading_zeros() as usize;
            assert!((2048..=4096).contains(&bits) && modulus[0] != 0);
            assert_eq!(modulus.last().unwrap() % 2, 1);
            let n = text("n");
            (format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#), "RS256")
        }
        other => panic!("a key of type {other}"),
    };
    for (name, expected) in [("alg", alg), ("use", "sig")] {
        assert!(!members.has(name) || text(name) == expected);
    }
    assert!(!members.has("key_ops") || members.raw("key_ops").unwrap().contains("\"verify\""));
    let thumbprint = peer::url(&peer::sha256(canonical.as_bytes()));
    assert_eq!(key.thumbprint().to_string(), thumbprint);
    assert_eq!(
        KeyThumbprint::parse(thumbprint.as_bytes()),
        Some(key.thumbprint())
    );
    // The key of JSON with these members alone is the same.
    assert_eq!(DeviceKey::from_jwk(canonical.as_bytes()), Ok(key));
}

/// A flaw has its cause in the text.
fn check_flaw(text: &[u8], flaw: JwkFlaw) {
    let Some(members) = Members::of(text) else {
        return;
    };
    assert!(flaw != JwkFlaw::Repeated || !members.are_distinct());
    let is_private = NOT_PUBLIC.iter().any(|name| members.has(name));
    assert!(flaw != JwkFlaw::NotPublic || is_private);
}

/// The keys of the vectors, and others.
pub fn seeds() -> Vec<Vec<u8>> {
    let uses = ["registration", "refresh"].into_iter();
    let vectors = uses.flat_map(device::proofs);
    let mut seeds: Vec<_> = vectors
        .filter_map(|vector| Some(vector.get("jwk")?.as_bytes().to_vec()))
        .collect();
    seeds.sort();
    seeds.dedup();
    let more = [
        r#","alg":"ES256","use":"sig","key_ops":["sign","verify"],"kid":"\u0041"}"#,
        r#","d":"AA"}"#,
        r#","x":"AA"}"#,
        r#","alg":"RS256"}"#,
    ];
    let jwk = device::jwk().trim_end_matches('}');
    seeds.extend(more.map(|more| format!("{jwk}{more}").into_bytes()));
    seeds
}
