//! The reasons why a cipher or a digest cannot be used.

use thiserror::Error;

/// The reason why a name of a cipher or a digest cannot be used.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum AlgorithmError {
    /// OpenSSL has no cipher of this name.
    #[error("unknown cipher")]
    UnknownCipher,
    /// The cipher exists, but its mode gives neither of our formats.
    #[error("sessions cannot be sealed with this cipher, which is neither CBC nor AES-GCM")]
    UnusableCipher,
    /// The cipher exists, but its provider does not let it decrypt.
    #[error("OpenSSL's provider has this cipher and does not allow it")]
    RefusedCipher,
    /// OpenSSL has no digest of this name.
    #[error("unknown digest")]
    UnknownDigest,
    /// The digest exists, but keys cannot be derived with it.
    #[error("this digest cannot be used for HMAC")]
    UnusableDigest,
    /// OpenSSL failed, which says nothing about the name.
    #[error("OpenSSL failed as it looked for this algorithm")]
    HostFailed,
}
