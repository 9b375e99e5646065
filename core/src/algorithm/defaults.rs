//! The ciphers and digests of a section that names none.

use std::sync::Arc;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::digest::Digest;
use crate::algorithm::error::AlgorithmError;
use crate::libcrypto::supplier::Supplier;

/// The cipher of a section with passphrases, as in httpd's module.
const DEFAULT_CIPHER: &str = "AES-256-CBC";

/// The cipher of a section with certificates or a JWK Set: the same cipher in a mode that
/// authenticates.
const DEFAULT_JWE_CIPHER: &str = "AES-256-GCM";

/// The digest of the classic format, as in httpd's module.
const CLASSIC_DIGEST: &str = "SHA1";

/// The digest of JWE.
const JWE_DIGEST: &str = "SHA256";

/// The default ciphers, by the secrets of a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultCiphers {
    /// `aes256`, for passphrases.
    Classic,
    /// `aes-256-gcm`, for certificates or a JWK Set.
    Jwe,
    /// `aes-256-gcm aes256`, for a JWK Set that seals, beside passphrases whose tokens open.
    JweAndClassic,
}

/// The ciphers and digests of a section that names none.
pub(crate) struct Defaults {
    /// The ciphers of a section with passphrases.
    pub(crate) ciphers: [Cipher; 1],
    /// The ciphers of a section with certificates or a JWK Set.
    pub(crate) jwe_ciphers: [Cipher; 1],
    /// The ciphers of a section with a JWK Set and passphrases.
    pub(crate) both_ciphers: [Cipher; 2],
    pub(crate) classic_digest: Digest,
    pub(crate) jwe_digest: Digest,
}

impl Defaults {
    /// Fetches the defaults, from the supplier if it has them.
    pub(crate) fn new(supplier: Option<&Arc<Supplier>>) -> Result<Self, AlgorithmError> {
        let classic = Cipher::by_name(supplier, DEFAULT_CIPHER)?;
        let jwe = Cipher::by_name(supplier, DEFAULT_JWE_CIPHER)?;
        Ok(Self {
            ciphers: [classic.clone()],
            jwe_ciphers: [jwe.clone()],
            both_ciphers: [jwe, classic],
            classic_digest: Digest::by_name(supplier, CLASSIC_DIGEST)?,
            jwe_digest: Digest::by_name(supplier, JWE_DIGEST)?,
        })
    }
}
