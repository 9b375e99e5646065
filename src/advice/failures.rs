//! Failures of this host, as reasons of lines with codes of their own.

use session_crypto_core::{LibraryError, SealError, UserIdError};

const TOO_MANY_KEYS: &str = "the key of its passphrase is not derived yet, and the limit for \
     .htaccess files and settings that only a request brings together is used up: wait for some \
     seconds, or set the passphrase in the server configuration, whose keys are derived at startup";

/// A session's user has no id.
pub(crate) fn user_id(error: &UserIdError) -> String {
    match error {
        UserIdError::TooManyKeys => TOO_MANY_KEYS.to_owned(),
        UserIdError::Library(error) => library(error),
        UserIdError::NoKey => error.to_string(),
    }
}

/// A session could not be sealed.
pub(crate) fn seal(error: &SealError) -> String {
    match error {
        SealError::TooManyKeys => TOO_MANY_KEYS.to_owned(),
        SealError::Library(error) => library(error),
        SealError::TooLarge | SealError::NoKey | SealError::NoneSeals => error.to_string(),
    }
}

/// OpenSSL failed, or this process did as it started.
pub(crate) fn library(error: &LibraryError) -> String {
    if error.is_not_set_up() {
        "this process failed to start: see what error_log says of it, and restart the server"
            .to_owned()
    } else {
        error.to_string()
    }
}
