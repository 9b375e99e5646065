//! Digests by name.
//!
//! A digest is checked here once, when the configuration names it.

use std::fmt;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::md::MdRef;
use openssl::nid::Nid;

use crate::algorithm::error::AlgorithmError;
use crate::algorithm::hmac;
use crate::error::LibraryError;
use crate::libcrypto::evp::{self, Scope};
use crate::libcrypto::supplier::Supplier;
use crate::libcrypto::verdict;

/// OpenSSL's name of SHA-1.
const SHA1: &str = "SHA1";

/// The name of SHA-1 in the directive of httpd's module.
const SHA_ALIAS: &str = "SHA";

/// A digest that HMAC can use.
#[derive(Clone)]
pub struct Digest {
    evp: Arc<openssl::md::Md>,
    label: Arc<str>,
    /// The engine or the provider of `evp`, which stays loaded.
    supplier: Option<Arc<Supplier>>,
}

impl Digest {
    /// Finds a digest by any of OpenSSL's names, in any case; `SHA` is SHA-1. With a
    /// supplier, the supplier's implementation goes before OpenSSL's.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know the name, HMAC cannot use the digest, or the host failed.
    pub(crate) fn by_name(
        supplier: Option<&Arc<Supplier>>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        // OpenSSL has no digest of the name SHA.
        let name = if name.eq_ignore_ascii_case(SHA_ALIAS) {
            SHA1
        } else {
            name
        };
        let evp = match supplier {
            Some(supplier) => supplier.digest(name),
            None => evp::fetch_digest(Scope::default(), name),
        };
        let evp = evp.map_err(|_| AlgorithmError::HostFailed)?;
        let evp = evp.ok_or(AlgorithmError::UnknownDigest)?;
        let digest = Self {
            label: label(&evp, name, supplier),
            evp: Arc::new(evp),
            supplier: supplier.cloned(),
        };
        // A checksum, or a digest of variable length, would derive predictable keys.
        let (size, block_size) = (digest.evp.size(), digest.evp.block_size());
        if size < MIN_DIGEST || block_size < size || evp::is_extendable(&digest.evp) {
            return Err(AlgorithmError::UnusableDigest);
        }
        // A trial finds all other unusable digests, such as a MAC, which needs a key of
        // its own.
        match digest.derive(b"trial", b"trial", 1, &mut [0; 1]) {
            Ok(()) => Ok(digest),
            Err(stack) if verdict::is_fatal(&stack) => Err(AlgorithmError::HostFailed),
            Err(_) => Err(AlgorithmError::UnusableDigest),
        }
    }

    fn evp(&self) -> &MdRef {
        &self.evp
    }

    /// Fills `key` with PBKDF2-HMAC (RFC 8018, section 5.2).
    pub(crate) fn pbkdf2(
        &self,
        passphrase: &[u8],
        salt: &[u8],
        rounds: u32,
        key: &mut [u8],
    ) -> Result<(), LibraryError> {
        self.derive(passphrase, salt, rounds, key)
            .map_err(|stack| LibraryError::new("derive a key", &stack))
    }

    fn derive(
        &self,
        passphrase: &[u8],
        salt: &[u8],
        rounds: u32,
        key: &mut [u8],
    ) -> Result<(), ErrorStack> {
        let derive = match self.supplier {
            None => evp::pbkdf2,
            Some(_) => hmac::pbkdf2,
        };
        derive(passphrase, salt, rounds, self.evp(), key)
    }

    /// Whether this is the algorithm `nid`, of any supplier.
    pub(crate) fn is(&self, nid: Nid) -> bool {
        self.nid() == nid
    }

    /// OpenSSL's number of the algorithm; `UNDEF` for some digests of providers.
    pub(crate) fn nid(&self) -> Nid {
        self.evp.type_()
    }

    /// Whether the digest is from an engine or a provider, and not from OpenSSL itself.
    pub(crate) fn is_supplied(&self) -> bool {
        self.supplier.is_some()
    }

    /// A name that tells digests apart and stays the same when the configuration is
    /// read again.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// A number that tells the digests of one keyring apart: the address of OpenSSL's own
    /// object, which all spellings of a name share.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self.evp()).addr()
    }
}

/// The label of a digest: its supplier's label and OpenSSL's short name for it. A digest
/// without a short name has the configuration's name for it.
fn label(evp: &MdRef, name: &str, supplier: Option<&Arc<Supplier>>) -> Arc<str> {
    let source = supplier.map_or("", |supplier| supplier.label());
    let name = match evp.type_() {
        Nid::UNDEF => name,
        nid => nid.short_name().unwrap_or(name),
    };
    format!("{source} {name}").into()
}

/// Bytes of the shortest digest that is accepted: MD4 and MD5 have as many.
const MIN_DIGEST: usize = 16;

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Digest({})",
            self.evp.type_().short_name().unwrap_or("?")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::libcrypto::supplier::SupplierKind;

    #[test]
    fn knows_every_spelling_of_a_digest() {
        for name in [
            "SHA", "sha", "SHA1", "sha-1", "sha256", "SHA2-256", "sha3-256",
        ] {
            assert!(Digest::by_name(None, name).is_ok(), "{name}");
        }
    }

    #[test]
    fn refuses_a_digest_that_hmac_cannot_use() {
        let legacy = Arc::new(Supplier::load(SupplierKind::Provider, "legacy").unwrap());
        for supplier in [None, Some(&legacy)] {
            for name in ["shake128", "shake256", "null"] {
                let found = Digest::by_name(supplier, name).map(|_| name);
                assert_eq!(found, Err(AlgorithmError::UnusableDigest), "{name}");
            }
        }
    }

    #[test]
    fn refuses_unknown_names() {
        for name in ["", "aes", "sha-257", "sha256\u{0}"] {
            assert_eq!(
                Digest::by_name(None, name).map(|_| name),
                Err(AlgorithmError::UnknownDigest)
            );
        }
    }

    #[test]
    fn is_printed_by_its_name() {
        let digest = Digest::by_name(None, "sha256").unwrap();
        assert_eq!(format!("{digest:?}"), "Digest(SHA256)");
    }
}
