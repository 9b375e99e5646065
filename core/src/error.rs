//! What can go wrong, split by whose fault it is.
//!
//! No message holds a secret, or any byte of a token.

use openssl::error::ErrorStack;
use thiserror::Error;

/// Why a token does not open: the fault of whoever sent it, or of time.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The text is not canonical base64.
    #[error("the token is not canonical base64")]
    Encoding,
    /// Fewer bytes than the format's fixed fields and one block.
    #[error("the token is too short")]
    TooShort,
    /// More than 1 MiB.
    #[error("the token is too long")]
    TooLong,
    /// No passphrase gives this MAC: another key, or a changed token.
    #[error("no passphrase of this section authenticates the token")]
    NotAuthentic,
    /// The MAC is right and yet the ciphertext is not a whole session.
    #[error("the token was made under another cipher or digest")]
    OtherAlgorithm,
}

/// OpenSSL failed at something that has to work: the fault of this host.
#[derive(Debug, Error)]
#[error("OpenSSL failed to {action}: {reason}")]
pub struct LibraryError {
    action: &'static str,
    reason: String,
}

impl LibraryError {
    /// Names what was tried; `stack` is OpenSSL's own account of the failure.
    pub(crate) fn new(action: &'static str, stack: &ErrorStack) -> Self {
        let reason = match stack.errors().first() {
            Some(error) => error.reason().unwrap_or("unknown reason").to_owned(),
            None => "no reason given".to_owned(),
        };
        Self { action, reason }
    }

    /// The failure was another thread's, which has reported it.
    pub(crate) fn elsewhere() -> Self {
        Self {
            action: "derive a key",
            reason: "another request failed at it".to_owned(),
        }
    }
}

/// Why a session did not become a token.
#[derive(Debug, Error)]
pub enum SealError {
    /// The session is larger than 512 KiB.
    #[error("the session is larger than {} bytes", crate::sealer::MAX_SESSION)]
    TooLarge,
    /// The section names nothing to seal with.
    #[error("no passphrase and cipher to seal with")]
    NoKey,
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// Why a token did not become a session.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The token is at fault: to the client there is no session.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}
