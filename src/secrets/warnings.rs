//! Warnings about secrets: those that can be guessed, and files that others can use.

use std::fmt::Display;

use session_crypto_core::{Exposure, Weakness};

use crate::message::{Code, Message};

/// A passphrase can be guessed.
const WEAK: Code = Code("SC0422");

/// Other users may read or write a file of secrets. `place` is the file, after the line and
/// the directive that name it.
pub(crate) fn exposed(place: &dyn Display, exposure: Exposure) -> Message {
    let (code, words) = match exposure {
        Exposure::Readable => (
            "SC0423",
            "may be read by every user of this host: take that right away with 'chmod o-rwx'",
        ),
        Exposure::Writable => (
            "SC0424",
            "may be written by others than its owner: take that right away with 'chmod go-w'",
        ),
    };
    Code(code).says(format!("{place} {words}"))
}

/// A passphrase can be guessed.
pub(super) fn weak_passphrase(place: &dyn Display, weakness: Weakness) -> Message {
    WEAK.says(format!(
        "{place}: a passphrase {weakness}, and whoever has a session's cookie can guess it: write \
         one that 'openssl rand -base64 32' prints"
    ))
}
