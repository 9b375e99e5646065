//! A token of the classic format, as a client sends it.
//!
//! It is refused, or it is a token that somebody with the passphrase made, byte for byte.

use std::sync::LazyLock;

use crate::oracle::known::{Known, tokens};
use crate::oracle::section::Section;
use crate::oracle::vectors::vectors;

const FOLDER: &str = "classic";

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let mut passphrases: Vec<_> = vectors(FOLDER)
        .iter()
        .filter(|vector| vector.opens())
        .map(|vector| vector.bytes("passphrase"))
        .collect();
    passphrases.sort();
    passphrases.dedup();
    let ciphers = ["aes256", "aes192", "aes128", "3des192"];
    let section = |cipher: &str| Section::with_passphrases(&passphrases, &[cipher]);
    // A cipher that did not make the token gives padding once in 256 times, and another text.
    // With all of them in one section, the one that gives text wins.
    let all = Section::with_passphrases(&passphrases, &ciphers);
    let known = Known::new(FOLDER, vec![all, section("aes256").purpose("shop")]);
    assert!(known.count() >= 19);
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
