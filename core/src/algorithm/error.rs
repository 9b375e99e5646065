//! Why a cipher or a digest cannot be used.

use thiserror::Error;

/// Why a name cannot be used; the words say what to write instead.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AlgorithmError {
    /// OpenSSL has no cipher of this name.
    #[error(
        "unknown cipher: write aes256, aes192, aes128, 3des192, or a name \
         that 'openssl list -cipher-algorithms' shows; for one of an engine or provider, \
         set SessionCryptoEngine"
    )]
    UnknownCipher,
    /// The cipher exists, but its mode gives neither of our formats.
    #[error(
        "sessions cannot be sealed with this cipher, which is neither CBC nor AES-GCM: \
         write aes256 or another name that ends in -cbc, or aes-256-gcm"
    )]
    UnusableCipher,
    /// OpenSSL has no digest of this name.
    #[error(
        "unknown digest: write SHA, SHA256, SHA512, or a name that \
         'openssl list -digest-algorithms' shows; for one of an engine or provider, \
         set SessionCryptoEngine"
    )]
    UnknownDigest,
    /// The digest exists, but keys cannot be derived with it.
    #[error(
        "this digest cannot be used for HMAC, and so not to derive a key: \
         write SHA, SHA256 or SHA512"
    )]
    UnusableDigest,
}
