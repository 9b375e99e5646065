//! The lines of the log about key files and their changes.

use session_crypto_core::{KeySet, KeySetError};

use crate::advice;
use crate::message::{Code, Message};

/// httpd runs as one process.
const ONCE: Code = Code("SC0535");

/// A key file has changed, and its keys are in force.
const IN_FORCE: Code = Code("SC0541");

/// The clock is before the end of a key that was wiped.
const CLOCK: Code = Code("SC0542");

/// A key file has changed, and its text is wrong.
const NOT_USED: Code = Code("SC0543");

/// All keys of a file have ended, or have yet to begin.
const NONE_SEALS: Code = Code("SC0544");

/// A key file has changed, and its keys are in force at a Unix time in seconds. A set has few
/// enough keys to tell the ids of all that open.
pub(super) fn in_force(file: &str, keys: &KeySet, now: u64) -> Message {
    let sealing = keys.sealing(now).map(|key| key.id().to_string());
    let open = keys.keys().filter(|key| !key.dates().has_ended(now));
    let ids: Vec<_> = open.map(|key| key.id().as_str()).collect();
    IN_FORCE.says(format!(
        "{file} has changed, and its keys are in force: {} in all, '{}' seals; sessions open \
         under {}",
        keys.count(),
        sealing.unwrap_or_default(),
        ids.join(", ")
    ))
}

/// A key file has changed, and its text is wrong.
pub(super) fn not_used(file: &str, reason: &str) -> Message {
    NOT_USED.says(format!(
        "{file} has changed, and is not used; the keys that were read before stay in force until \
         a restart, which would fail: {file} {reason}"
    ))
}

/// The clock is before the end of a key that was wiped.
pub(super) fn clock_went_back(file: &str) -> Message {
    CLOCK.says(format!(
        "the clock of this host has gone back, and {file} is read again for the keys that had \
         ended"
    ))
}

/// All keys of a file have ended, or have yet to begin.
pub(super) fn none_seals(file: &str) -> Message {
    let reason = advice::key_set(&KeySetError::NoneSeals);
    let words = reason.words();
    NONE_SEALS.says(format!("sessions cannot be sealed: {file} {words}"))
}

/// httpd runs as one process.
pub(super) fn read_once() -> Message {
    ONCE.says(
        "key files are read only now, and not when they change, because httpd has only one process",
    )
}
