//! What can go wrong, split by whose fault it is.
//!
//! No message holds a secret, or any byte of a token.

use openssl::error::{Error, ErrorStack};
use thiserror::Error;

/// Why a token does not open: the fault of whoever sent it, or of time.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// A part of the token is not canonical base64, or base64url in JWE.
    #[error("the token is not canonical base64")]
    Encoding,
    /// No cipher of the section gives tokens that look like this.
    #[error("the token is in a format that no cipher of this section gives")]
    Format,
    /// A JWE without the parts, or the length of parts, that it must have.
    #[error("the token has not the five parts of a JWE")]
    Parts,
    /// A JWE header that we would not have written.
    #[error("the token has a header that this section does not write")]
    Header,
    /// A JWE for another purpose, or for none, or for one where none is set.
    #[error("the token was made for another purpose")]
    Purpose,
    /// A JWE under a key that the section does not have.
    #[error("no passphrase of this section has the token's key id")]
    UnknownKey,
    /// A JWE for another certificate, or for none.
    #[error("no certificate of this section has the token's key id")]
    UnknownCertificate,
    /// A JWE whose header the certificate's private key has not signed.
    #[error("the token's signature is not that of the certificate's key")]
    Signature,
    /// A JWE that was signed, and whose encrypted key yields no key.
    #[error("the token's encrypted key does not open")]
    EncryptedKey,
    /// A JWE whose tag is wrong: it was changed, or never ours.
    #[error("the token's tag is wrong")]
    Tag,
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
    /// A classic token of another server that was opened before: its session
    /// has no entry but its expiry, and is worth no second derivation.
    #[error("the session says nothing about a user, and its key is not kept")]
    SaysNothing,
    /// A classic token of another server, as long as those of sessions without
    /// an entry, at a time when too many of these took a derivation each.
    #[error(
        "the session is as short as those that say nothing about a user, of which too many \
         need a key of their own"
    )]
    TooManyOfNothing,
}

impl Refusal {
    /// Whether another server of the farm, or this one later, may open the
    /// token: it should not be replaced by a session without entries.
    pub fn may_open_elsewhere(self) -> bool {
        matches!(
            self,
            Self::UnknownKey
                | Self::UnknownCertificate
                | Self::SaysNothing
                | Self::TooManyOfNothing
        )
    }
}

/// OpenSSL failed at something that has to work: the fault of this host.
#[derive(Clone, Debug, Error)]
#[error("{subject} failed to {action}: {reason}")]
pub struct LibraryError {
    subject: &'static str,
    action: &'static str,
    reason: String,
}

impl LibraryError {
    /// Names what was tried; `stack` is OpenSSL's own account of the failure.
    pub(crate) fn new(action: &'static str, stack: &ErrorStack) -> Self {
        Self {
            subject: OPENSSL,
            action,
            reason: first_reason(stack),
        }
    }

    /// Names what was tried, and what was wrong in our own words.
    pub(crate) fn because(action: &'static str, reason: &str) -> Self {
        Self {
            subject: OPENSSL,
            action,
            reason: reason.to_owned(),
        }
    }

    /// Whether these are OpenSSL's words for what went wrong.
    pub(crate) fn is(&self, reason: &str) -> bool {
        self.reason == reason
    }

    /// The caller's memory is not as long as was asked for.
    pub(crate) fn wrong_room() -> Self {
        Self {
            subject: "the arena",
            action: "give room for a token",
            reason: "it gave another number of bytes than it was asked for".to_owned(),
        }
    }

    /// This process has nothing to work with: it has inherited a keyring, and
    /// [`Keyring::after_fork`](crate::Keyring::after_fork) has not come to its end.
    pub(crate) fn not_set_up() -> Self {
        Self {
            subject: "this process",
            action: "start",
            reason: NOT_SET_UP.to_owned(),
        }
    }

    /// Whether this process has inherited a keyring, and did not set it up.
    pub fn is_not_set_up(&self) -> bool {
        self.reason == NOT_SET_UP
    }

    /// The failure was another thread's, which has reported it.
    pub(crate) fn elsewhere() -> Self {
        Self {
            subject: OPENSSL,
            action: "derive a key",
            reason: "another request failed at it".to_owned(),
        }
    }
}

/// The reason of [`LibraryError::not_set_up`].
const NOT_SET_UP: &str = "its keyring was not set up after the fork";

/// The subject of most failures.
const OPENSSL: &str = "OpenSSL";

/// OpenSSL's own words for what went wrong first. What it says of loading
/// engines is of others that it tried, if there is anything else.
pub(crate) fn first_reason(stack: &ErrorStack) -> String {
    let errors = stack.errors();
    let is_of_loading = |error: &&Error| matches!(error.library(), Some(DSO | ENGINE));
    let others = errors.iter().filter(|error| !is_of_loading(error));
    let reason = others.chain(errors).find_map(Error::reason);
    match (reason, errors.first()) {
        (Some(reason), _) => reason.to_owned(),
        // A provider may number what it has no words for.
        (None, Some(error)) => format!("reason {}", error.reason_code()),
        (None, None) => "no reason given".to_owned(),
    }
}

/// Libraries, as OpenSSL calls them (`ERR_str_libraries`).
const DSO: &str = "DSO support routines";
const ENGINE: &str = "engine routines";

/// The same with what OpenSSL adds to it, like the name of a file: for the
/// administrator, of what no request has a say in.
pub(crate) fn explain(stack: &ErrorStack) -> String {
    let error = stack.errors().first();
    match error.map(|error| (error.reason(), error.data())) {
        Some((Some(reason), Some(data))) if !data.is_empty() => format!("{reason}: {data}"),
        Some((None, Some(data))) if !data.is_empty() => data.to_owned(),
        _ => first_reason(stack),
    }
}

/// Why a session did not become a token.
#[derive(Debug, Error)]
pub enum SealError {
    /// The session is larger than 512 KiB.
    #[error("the session is larger than {} bytes", crate::limits::MAX_SESSION)]
    TooLarge,
    /// The section names nothing to seal with.
    #[error("no passphrase and cipher to seal with")]
    NoKey,
    /// The key is not derived yet, and the limit on derivations is used up.
    #[error("the key of its passphrase is not derived yet")]
    TooManyKeys,
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
