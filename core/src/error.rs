//! The errors of sealing and opening, by whose fault they are.
//!
//! No message contains a secret, or any byte of a token.

use openssl::error::{Error, ErrorStack};
use thiserror::Error;

/// The reason why a token does not open. The sender is at fault, or the token is old.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum Refusal {
    /// A part of the token is not canonical base64; in JWE, not canonical base64url.
    #[error("the token is not canonical base64")]
    Encoding,
    /// The token is in a format that no cipher of the section makes.
    #[error("the token is in a format that no cipher of this section gives")]
    Format,
    /// The JWE has the wrong number of parts, or a part has the wrong length.
    #[error("the token has not the five parts of a JWE")]
    Parts,
    /// The JWE has a header that this section does not write.
    #[error("the token has a header that this section does not write")]
    Header,
    /// The purpose of the JWE is not that of the section. One of the two may have none.
    #[error("the token was made for another purpose")]
    Purpose,
    /// The JWE is under a key that the section does not have.
    #[error("no passphrase of this section has the token's key id")]
    UnknownKey,
    /// The JWE is under a key that the section's JWK Set does not have.
    #[error("no key of this section's JWK Set has the token's key id")]
    UnknownSetKey,
    /// The JWE is under a key of the JWK Set that has ended.
    #[error("the key of this section's JWK Set with the token's key id has ended")]
    EndedSetKey,
    /// The JWE is for another certificate, or for none.
    #[error("no certificate of this section has the token's key id")]
    UnknownCertificate,
    /// The certificate's private key has not signed the header of the JWE.
    #[error("the token's signature is not that of the certificate's key")]
    Signature,
    /// The JWE's encrypted key contains no key. With a certificate, the signature is right.
    #[error("the token's encrypted key does not open")]
    EncryptedKey,
    /// The tag of the JWE is wrong: the token was changed, or is not from this server.
    #[error("the token's tag is wrong")]
    Tag,
    /// The token has fewer bytes than the fixed fields of the format and one block.
    #[error("the token is too short")]
    TooShort,
    /// The token has more than 1 MiB.
    #[error("the token is too long")]
    TooLong,
    /// The MAC is wrong under each passphrase: the token is under another key, or was
    /// changed.
    #[error("no passphrase of this section authenticates the token")]
    NotAuthentic,
    /// The MAC is right, but the ciphertext does not decrypt to a whole session.
    #[error("the token was made under another cipher or digest")]
    OtherAlgorithm,
    /// A classic token of another server was opened before. Its session has no entry but
    /// its expiry, and so is not worth a second derivation.
    #[error("the session says nothing about a user, and its key is not kept")]
    SaysNothing,
    /// A classic token of another server has the length of a session without an entry, and
    /// too many of these have taken a derivation each.
    #[error(
        "the session is as short as those that say nothing about a user, of which too many \
         need a key of their own"
    )]
    TooManyOfNothing,
}

impl Refusal {
    /// All reasons.
    pub const ALL: [Self; 18] = [
        Self::Encoding,
        Self::Format,
        Self::Parts,
        Self::Header,
        Self::Purpose,
        Self::UnknownKey,
        Self::UnknownSetKey,
        Self::EndedSetKey,
        Self::UnknownCertificate,
        Self::Signature,
        Self::EncryptedKey,
        Self::Tag,
        Self::TooShort,
        Self::TooLong,
        Self::NotAuthentic,
        Self::OtherAlgorithm,
        Self::SaysNothing,
        Self::TooManyOfNothing,
    ];

    /// The name of the reason for programs, which stays the same.
    pub fn label(self) -> &'static str {
        match self {
            Self::Encoding => "encoding",
            Self::Format => "format",
            Self::Parts => "parts",
            Self::Header => "header",
            Self::Purpose => "purpose",
            Self::UnknownKey => "unknown_key",
            Self::UnknownSetKey => "unknown_set_key",
            Self::EndedSetKey => "ended_set_key",
            Self::UnknownCertificate => "unknown_certificate",
            Self::Signature => "signature",
            Self::EncryptedKey => "encrypted_key",
            Self::Tag => "tag",
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::NotAuthentic => "not_authentic",
            Self::OtherAlgorithm => "other_algorithm",
            Self::SaysNothing => "says_nothing",
            Self::TooManyOfNothing => "too_many_of_nothing",
        }
    }

    /// The position in [`Refusal::ALL`].
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Encoding => 0,
            Self::Format => 1,
            Self::Parts => 2,
            Self::Header => 3,
            Self::Purpose => 4,
            Self::UnknownKey => 5,
            Self::UnknownSetKey => 6,
            Self::EndedSetKey => 7,
            Self::UnknownCertificate => 8,
            Self::Signature => 9,
            Self::EncryptedKey => 10,
            Self::Tag => 11,
            Self::TooShort => 12,
            Self::TooLong => 13,
            Self::NotAuthentic => 14,
            Self::OtherAlgorithm => 15,
            Self::SaysNothing => 16,
            Self::TooManyOfNothing => 17,
        }
    }

    /// Whether the token was read as far as the id of the key that it asks for.
    pub fn names_key(self) -> bool {
        match self {
            Self::Header
            | Self::Purpose
            | Self::UnknownKey
            | Self::UnknownSetKey
            | Self::EndedSetKey
            | Self::UnknownCertificate
            | Self::Signature
            | Self::EncryptedKey
            | Self::Tag => true,
            Self::Encoding
            | Self::Format
            | Self::Parts
            | Self::TooShort
            | Self::TooLong
            | Self::NotAuthentic
            | Self::OtherAlgorithm
            | Self::SaysNothing
            | Self::TooManyOfNothing => false,
        }
    }

    /// Whether another server of the farm may open the token, or this one later. Such a
    /// token should not be replaced by a session without entries.
    pub fn may_open_elsewhere(self) -> bool {
        match self {
            Self::UnknownKey
            | Self::UnknownSetKey
            | Self::UnknownCertificate
            | Self::SaysNothing
            | Self::TooManyOfNothing => true,
            Self::Encoding
            | Self::Format
            | Self::Parts
            | Self::Header
            | Self::Purpose
            | Self::EndedSetKey
            | Self::Signature
            | Self::EncryptedKey
            | Self::Tag
            | Self::TooShort
            | Self::TooLong
            | Self::NotAuthentic
            | Self::OtherAlgorithm => false,
        }
    }
}

/// The failure of OpenSSL at something that has to work. This host is at fault.
///
/// It is boxed, because results that hardly ever fail should not be large.
#[derive(Clone, Debug, Error)]
#[error(transparent)]
pub struct LibraryError(Box<Failure>);

#[derive(Clone, Debug, Error)]
#[error("{subject} failed to {action}: {reason}")]
struct Failure {
    subject: &'static str,
    action: &'static str,
    reason: String,
}

impl LibraryError {
    #[cold]
    fn of(subject: &'static str, action: &'static str, reason: String) -> Self {
        Self(Box::new(Failure {
            subject,
            action,
            reason,
        }))
    }

    /// The failure of an action, with the errors that OpenSSL reported.
    #[cold]
    pub(crate) fn new(action: &'static str, stack: &ErrorStack) -> Self {
        Self::of(OPENSSL, action, first_reason(stack))
    }

    /// The failure of an action, with a reason in the words of this crate.
    #[cold]
    pub(crate) fn because(action: &'static str, reason: &str) -> Self {
        Self::of(OPENSSL, action, reason.to_owned())
    }

    /// Whether the failure has this reason.
    pub(crate) fn is(&self, reason: &str) -> bool {
        self.0.reason == reason
    }

    /// The failure of an arena whose memory does not have the requested length.
    #[cold]
    pub(crate) fn wrong_room() -> Self {
        let reason = "it gave another number of bytes than it was asked for";
        Self::of("the arena", "give room for a token", reason.to_owned())
    }

    /// The failure of a process that has inherited a keyring, and in which
    /// [`Keyring::after_fork`](crate::Keyring::after_fork) has not returned.
    #[cold]
    pub(crate) fn not_set_up() -> Self {
        Self::of("this process", "start", NOT_SET_UP.to_owned())
    }

    /// Whether the process has inherited a keyring, and has not set it up.
    pub fn is_not_set_up(&self) -> bool {
        self.is(NOT_SET_UP)
    }

    /// The failure of another thread, which has reported it.
    #[cold]
    pub(crate) fn elsewhere() -> Self {
        Self::of(
            OPENSSL,
            "derive a key",
            "another request failed at it".to_owned(),
        )
    }
}

/// The reason of [`LibraryError::not_set_up`].
const NOT_SET_UP: &str = "its keyring was not set up after the fork";

/// The subject of most failures.
const OPENSSL: &str = "OpenSSL";

/// The first reason that OpenSSL gives. Errors of loading engines count only if there are
/// no others, because OpenSSL may have tried other engines first.
pub(crate) fn first_reason(stack: &ErrorStack) -> String {
    let errors = stack.errors();
    let is_of_loading = |error: &&Error| matches!(error.library(), Some(DSO | ENGINE));
    let others = errors.iter().filter(|error| !is_of_loading(error));
    let reason = others.chain(errors).find_map(Error::reason);
    match (reason, errors.first()) {
        (Some(reason), _) => reason.to_owned(),
        // A provider may give a number without a text.
        (None, Some(error)) => format!("reason {}", error.reason_code()),
        (None, None) => "no reason given".to_owned(),
    }
}

/// Names of libraries in OpenSSL (`ERR_str_libraries`).
const DSO: &str = "DSO support routines";
const ENGINE: &str = "engine routines";

/// The first reason that OpenSSL gives, with its details, like the name of a file. It is
/// for the administrator, about actions that no request can influence.
pub(crate) fn explain(stack: &ErrorStack) -> String {
    let error = stack.errors().first();
    match error.map(|error| (error.reason(), error.data())) {
        Some((Some(reason), Some(data))) if !data.is_empty() => format!("{reason}: {data}"),
        Some((None, Some(data))) if !data.is_empty() => data.to_owned(),
        _ => first_reason(stack),
    }
}

/// The reason why a session does not become a token.
#[derive(Debug, Error)]
pub enum SealError {
    /// The session is larger than 512 KiB.
    #[error("the session is larger than {} bytes", crate::limits::MAX_SESSION)]
    TooLarge,
    /// The section has no passphrase or no cipher.
    #[error("no passphrase and cipher to seal with")]
    NoKey,
    /// No key of the section's JWK Set has begun and not ended.
    #[error("no key of the section's JWK Set has begun and not ended")]
    NoneSeals,
    /// The key is not derived yet, and the limit for derivations is used up.
    #[error("the key of its passphrase is not derived yet")]
    TooManyKeys,
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// The reason why a token does not become a session.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The token is at fault, and the client has no session.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// The reason why a user has no id.
#[derive(Debug, Error)]
pub enum UserIdError {
    /// The section does not have the key.
    #[error("the section does not have the session's key")]
    NoKey,
    /// The key is not derived yet, and the limit for derivations is used up.
    #[error("the key of its passphrase is not derived yet")]
    TooManyKeys,
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_of_a_refusal_is_listed_at_its_index() {
        for (index, refusal) in Refusal::ALL.into_iter().enumerate() {
            assert_eq!(refusal.index(), index, "{refusal:?}");
        }
        let (source, _) = include_str!("error.rs").split_once("impl Refusal").unwrap();
        let reasons = source.matches("#[error(").count();
        assert_eq!(Refusal::ALL.len(), reasons);
    }

    #[test]
    fn each_reason_of_a_refusal_has_a_name_of_its_own() {
        let mut labels = Refusal::ALL.map(Refusal::label);
        let is_snake = |label: &str| {
            label
                .bytes()
                .all(|byte| byte == b'_' || byte.is_ascii_lowercase())
        };
        assert!(labels.iter().all(|label| is_snake(label)));
        labels.sort_unstable();
        assert!(labels.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn a_failure_without_a_reason_says_so() {
        let none = ErrorStack::get();
        assert_eq!(first_reason(&none), "no reason given");
        assert_eq!(explain(&none), "no reason given");
    }
}
