//! A JWE under a key of a JWK Set, as a client sends it.
//!
//! It is refused, or it is a token that somebody with the key made, byte for byte.

use std::sync::LazyLock;

use serde_json::Value;

use crate::oracle::known::{Known, tokens};
use crate::oracle::section::{GCM, PURPOSE, Section};
use crate::oracle::vectors::vectors;

const FOLDER: &str = "jwe-key-set";

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut keys: Vec<Value> = Vec::new();
    for vector in vectors(FOLDER).iter().filter(|vector| vector.opens()) {
        let set: Value = serde_json::from_str(vector.text("keys")).unwrap();
        for key in set["keys"].as_array().unwrap() {
            // A key without an id has its thumbprint.
            let is_new =
                |known: &Value| known["kid"] != key["kid"] || key["kid"].is_null() && known != key;
            if keys.iter().all(is_new) {
                keys.push(key.clone());
            }
        }
    }
    let set = serde_json::json!({ "keys": keys }).to_string();
    let section = || Section::with_key_set(&set, GCM);
    let known = Known::new(FOLDER, vec![section(), section().purpose(PURPOSE)]);
    assert!(known.count() >= 50);
    known
});

/// Opens the token.
pub fn run(token: &[u8]) {
    KNOWN.check(token);
    KNOWN.check_sealing(token);
}

/// The tokens of the vectors.
pub fn seeds() -> Vec<Vec<u8>> {
    tokens(FOLDER)
}
