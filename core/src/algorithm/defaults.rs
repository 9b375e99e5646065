//! The ciphers and digests of a section that names none.

use std::sync::Arc;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::digest::Digest;
use crate::algorithm::error::AlgorithmError;
use crate::libcrypto::supplier::Supplier;

/// The cipher of a section with passphrases, as in httpd's module.
const DEFAULT_CIPHER: &str = "AES-256-CBC";

/// The cipher of a section with certificates: the same cipher in a mode that
/// authenticates.
const DEFAULT_JWE_CIPHER: &str = "AES-256-GCM";

/// The digest of the classic format, as in httpd's module.
const CLASSIC_DIGEST: &str = "SHA1";

/// The digest of JWE.
const JWE_DIGEST: &str = "SHA256";

/// The ciphers and digests of a section that names none.
pub(crate) struct Defaults {
    /// The ciphers of a section with passphrases.
    pub(crate) ciphers: [Cipher; 1],
    /// The ciphers of a section with certificates.
    pub(crate) certificate_ciphers: [Cipher; 1],
    pub(crate) classic_digest: Digest,
    pub(crate) jwe_digest: Digest,
}

impl Defaults {
    /// Fetches the defaults, from the supplier if it has them.
    pub(crate) fn new(supplier: Option<&Arc<Supplier>>) -> Result<Self, AlgorithmError> {
        Ok(Self {
            ciphers: [Cipher::by_name(supplier, DEFAULT_CIPHER)?],
            certificate_ciphers: [Cipher::by_name(supplier, DEFAULT_JWE_CIPHER)?],
            classic_digest: Digest::by_name(supplier, CLASSIC_DIGEST)?,
            jwe_digest: Digest::by_name(supplier, JWE_DIGEST)?,
        })
    }
}
