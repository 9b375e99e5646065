//! A JWE for a certificate, as a client sends it.
//!
//! It is refused, or it is a token that the owner of the private key made, byte for byte.

use std::sync::LazyLock;

use crate::oracle::known::{Known, tokens};
use crate::oracle::section::{GCM, PURPOSE, Section};

const FOLDER: &str = "jwe-certificate";

const ALL: &[&str] = &["p-256", "p-384", "p-521", "rsa-2048", "rsa-3072"];

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let section = |names| Section::with_certificates(names, GCM);
    let sections = vec![
        section(ALL),
        section(ALL).purpose(PURPOSE),
        section(&["rsa-2048"]).digest("SHA"),
        section(&["rsa-2048"]).digest("SHA").purpose(PURPOSE),
    ];
    let known = Known::new(FOLDER, sections);
    assert!(known.count() >= 25);
    known
});

/// Opens the token.
pub fn run(token: &[u8]) {
    KNOWN.check(token);
}

/// The tokens of the vectors.
pub fn seeds() -> Vec<Vec<u8>> {
    tokens(FOLDER)
}
