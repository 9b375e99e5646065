//! Errors in the words of a line that are neither secrets nor algorithms.

use std::fmt::Display;

use session_crypto_core::times::{DateError, LifetimeError};

use crate::message::{Code, Message};

/// A list is longer than it may be.
pub(crate) fn too_many(what: &str, limit: usize) -> Message {
    Code("SC0303").says(format!(
        "more than {limit} {what}: take out those not in use"
    ))
}

/// A text is no lifetime.
pub(crate) fn lifetime(text: &str, error: LifetimeError) -> Message {
    match error {
        LifetimeError::Malformed => Code("SC0361").says(format!(
            "'{text}' is no lifetime: write a number and its unit, as in 90s, 30min, 8h or 30d"
        )),
        LifetimeError::TooShort => Code("SC0362").says(format!(
            "'{text}' is shorter than a second: write a time in which users can work, as 8h"
        )),
        LifetimeError::TooLong => Code("SC0363").says(format!(
            "'{text}' is longer than ten years: write a shorter time, or take the line out"
        )),
    }
}

/// A text is no date.
pub(crate) fn date(text: &str, DateError: DateError) -> Message {
    Code("SC0364").says(format!(
        "'{text}' is no date with a time and a zone: write it as in RFC 3339, for example \
         2026-11-26T08:00:00Z or 2026-11-26T09:00:00+01:00"
    ))
}

/// An entry of a session has no name.
pub(crate) fn empty_user_entry() -> Message {
    Code("SC0365").says("an entry of a session has a name: write it, or take the empty word out")
}

/// A word is none of those that SessionCryptoEndSessionsFor takes.
pub(crate) fn own_or_any(word: &str) -> Message {
    Code("SC0366").says(format!(
        "'{word}' is neither 'own' nor 'any': write one of these, or take the line out"
    ))
}

/// A word is no code of a warning; `codes` are those that there are.
pub(crate) fn unknown_code(word: &[u8], codes: &[impl Display]) -> Message {
    let word = String::from_utf8_lossy(word);
    let codes: Vec<_> = codes.iter().map(ToString::to_string).collect();
    Code("SC0391").says(format!(
        "'{word}' is no code of a warning that may be accepted: write one or more of {}",
        codes.join(", ")
    ))
}

/// A section has a driver of its own.
pub(crate) fn driver_in_section() -> Message {
    Code("SC0395").says(
        "the driver is that of the whole server: move this line out of <VirtualHost> and every \
         other section",
    )
}

/// A driver is another than the only one.
pub(crate) fn no_driver(name: &str) -> Message {
    Code("SC0396").says(format!(
        "there is no driver '{name}', this module always uses OpenSSL: write \
         'SessionCryptoDriver openssl', or leave the line out"
    ))
}

/// A driver has a parameter that it does not take.
pub(crate) fn unknown_parameter(parameter: &str) -> Message {
    Code("SC0397").says(format!(
        "unknown parameter '{parameter}': write 'SessionCryptoDriver openssl' alone, or with \
         engine=NAME"
    ))
}
