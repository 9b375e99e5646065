//! The reasons why a text proves nothing.

use thiserror::Error;

use crate::device::jwk::JwkFlaw;
use crate::error::LibraryError;

/// The reason why a text proves nothing.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ProofFlaw {
    /// It is longer than 6 KiB.
    #[error("it is longer than {} KiB", MAX_PROOF / 1024)]
    TooLong,
    /// It does not have three parts.
    #[error("it does not have three parts")]
    Parts,
    /// A part is not base64url without padding.
    #[error("a part of it is not base64url")]
    Encoding,
    /// Its header or its payload is no JSON object.
    #[error("its header or its payload is no JSON object")]
    NotJson,
    /// Its header or its payload has a member twice.
    #[error("its header or its payload has a member twice")]
    Repeated,
    /// Its type is not `dbsc+jwt`.
    #[error("its type is not dbsc+jwt")]
    Type,
    /// Its header asks for an extension.
    #[error("its header asks for an extension")]
    Extension,
    /// Its algorithm is not ES256 or RS256, or not that of the key.
    #[error("its algorithm is not ES256 or RS256, or not that of the key")]
    Algorithm,
    /// It registers no key.
    #[error("it has no key to register")]
    NoKey,
    /// The key that it registers is none.
    #[error("its key cannot be used: {0}")]
    Key(JwkFlaw),
    /// It has no challenge.
    #[error("it has no challenge")]
    NoChallenge,
    /// The key did not sign it.
    #[error("its signature is wrong")]
    Signature,
}

/// The reason why a proof is not verified.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The proof is at fault.
    #[error(transparent)]
    Refused(#[from] ProofFlaw),
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// Most bytes of a proof. The longest registers an RSA key of 4096 bits, with a challenge
/// that is sealed for a certificate.
pub(super) const MAX_PROOF: usize = 6 * 1024;

impl ProofFlaw {
    /// The name of the flaw for programs, which stays the same.
    pub fn label(self) -> &'static str {
        match self {
            Self::TooLong => "proof_too_long",
            Self::Parts => "proof_parts",
            Self::Encoding => "proof_encoding",
            Self::NotJson => "proof_not_json",
            Self::Repeated => "proof_repeated",
            Self::Type => "proof_type",
            Self::Extension => "proof_extension",
            Self::Algorithm => "proof_algorithm",
            Self::NoKey => "proof_no_key",
            Self::Key(_) => "proof_key",
            Self::NoChallenge => "proof_no_challenge",
            Self::Signature => "proof_signature",
        }
    }
}
