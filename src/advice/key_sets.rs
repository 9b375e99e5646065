//! Errors of key files.

use session_crypto_core::{KeyFlaw, KeySetError, KeySetFlaw};

use super::files::{TOO_LARGE, unreadable_file};
use crate::message::{Code, Message};

/// A key file has no keys to use; the words go on after its name.
pub(crate) fn key_set_flaw(flaw: &KeySetFlaw) -> Message {
    match flaw {
        KeySetFlaw::File(error) => unreadable_file(error, "a JWK Set, which 'htsession key' makes"),
        KeySetFlaw::Set(error) => key_set(error),
    }
}

/// A text is no JWK Set, or none that seals now; the words go on after its name.
pub(crate) fn key_set(error: &KeySetError) -> Message {
    let (code, cure) = match error {
        KeySetError::TooLarge => (
            TOO_LARGE,
            "write the name of a file that holds a JWK Set, which 'htsession key' makes",
        ),
        KeySetError::Empty => (Code("SC0731"), MAKE_ONE),
        KeySetError::NoKeys => (Code("SC0732"), MAKE_ONE),
        KeySetError::NotJson { .. } => (
            Code("SC0733"),
            "write one that 'htsession key' makes; passphrases take SessionCryptoPassphraseFile",
        ),
        KeySetError::NotASet => (Code("SC0734"), MAKE_ONE),
        KeySetError::Repeated(_) => (Code("SC0735"), TAKE_ONE_OUT),
        KeySetError::TooManyKeys(_) => (Code("SC0736"), "take out those that have ended"),
        KeySetError::EqualIds(_) => (Code("SC0737"), "give each key a kid of its own"),
        KeySetError::Key { flaw, .. } => key_flaw(flaw),
        KeySetError::NoneSeals => (
            Code("SC0755"),
            "no session could be sealed: add a key whose nbf is not to come, and look at the \
             clock of this host",
        ),
    };
    code.says(format!("{error}: {cure}"))
}

/// The code of a mistake in a key, and the cure.
fn key_flaw(flaw: &KeyFlaw) -> (Code, &'static str) {
    match flaw {
        KeyFlaw::NotAnObject => (Code("SC0741"), WRITE_ANEW),
        KeyFlaw::Missing(_) => (Code("SC0742"), WRITE_ANEW),
        KeyFlaw::Type { .. } => (Code("SC0743"), WRITE_ANEW),
        KeyFlaw::Repeated(_) => (Code("SC0744"), TAKE_ONE_OUT),
        KeyFlaw::KeyType(_) => (
            Code("SC0745"),
            "take it out, because only symmetric keys seal sessions",
        ),
        KeyFlaw::Size(_) => (Code("SC0746"), WRITE_RANDOM_BYTES),
        KeyFlaw::NotBase64Url => (Code("SC0747"), WRITE_RANDOM_BYTES),
        KeyFlaw::Id => (Code("SC0748"), WRITE_ANEW),
        KeyFlaw::Contradiction { .. } => (
            Code("SC0749"),
            "take the member out, or the key, if it is for something else",
        ),
        KeyFlaw::Date(_) => (Code("SC0750"), WRITE_ANEW),
        KeyFlaw::EndsBeforeItBegins => (Code("SC0751"), WRITE_ANEW),
    }
}

const MAKE_ONE: &str = "write one that 'htsession key' makes";
const WRITE_ANEW: &str = "write it anew, as 'htsession key' does";
const WRITE_RANDOM_BYTES: &str = "write 32 random bytes in base64url";
const TAKE_ONE_OUT: &str = "take one of the two out";

/// A key file and a certificate are both in force.
pub(crate) fn certificate_beside_key_file() -> Message {
    Code("SC0322").says(
        "sessions are sealed with the keys of a file or for a certificate, and both are in force \
         here: take one of them out, or move it into the sections that are to have it",
    )
}
