//! A JWE under a passphrase, as a client sends it.
//!
//! It is refused, or it is a token that somebody with the passphrase made, byte for byte.

use std::sync::LazyLock;

use crate::oracle::known::{Known, tokens};
use crate::oracle::section::{GCM, PURPOSE, Section};
use crate::oracle::vectors::vectors;

const FOLDER: &str = "jwe";

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let vectors = vectors(FOLDER);
    let mut passphrases: Vec<_> = vectors
        .iter()
        .map(|vector| vector.bytes("passphrase"))
        .collect();
    passphrases.sort();
    passphrases.dedup();
    let section = || Section::with_passphrases(&passphrases, GCM);
    let sections = vec![section().prepared(), section().purpose(PURPOSE).prepared()];
    let known = Known::new(FOLDER, sections);
    assert!(known.count() >= 15);
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
