//! Ciphers and digests by name.
//!
//! An algorithm is checked here once, when the configuration names it, so
//! that nothing has to be doubted when a token arrives.

use std::collections::HashMap;
use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, PoisonError, RwLock};

use openssl::cipher::CipherRef;
use openssl::md::MdRef;
use openssl::nid::Nid;
use thiserror::Error;

use crate::engine::{Engine, Supplier};
use crate::error::LibraryError;
use crate::evp::{self, From, Mode};
use crate::hmac;

/// The names of httpd's module, and OpenSSL's for the same ciphers.
const CLASSIC_NAMES: [(&str, &str); 4] = [
    ("3des192", "DES-EDE3-CBC"),
    ("aes128", "AES-128-CBC"),
    ("aes192", "AES-192-CBC"),
    ("aes256", "AES-256-CBC"),
];

/// The cipher of a section that names none, as in httpd's module.
const DEFAULT_CIPHER: &str = "AES-256-CBC";

/// The cipher of a section with a certificate that names none: the same one in
/// a mode that authenticates.
const DEFAULT_JWE_CIPHER: &str = "AES-256-GCM";

/// The digest of httpd's module, and what our directive calls it.
const CLASSIC_DIGEST: &str = "SHA1";
const SHA_ALIAS: &str = "SHA";

/// The digest of JWE.
const JWE_DIGEST: &str = "SHA256";

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

/// A cipher, and with it a wire format.
#[derive(Clone)]
pub struct Cipher {
    evp: Arc<openssl::cipher::Cipher>,
    key_length: usize,
    format: Format,
    /// Where it came from, which has to stay.
    _supplier: Option<Arc<Supplier>>,
}

/// The wire format that a cipher gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// A cipher in CBC mode, with blocks of so many bytes: the format of
    /// httpd's module.
    Classic { block_size: NonZeroUsize },
    /// AES-GCM, under its name in JWE (RFC 7518, section 5.3).
    Jwe { enc: &'static str },
}

impl Cipher {
    /// Finds a cipher by one of httpd's four names or any of OpenSSL's, in
    /// any case; that of an engine or provider, if there is one.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know it, or it is neither CBC nor AES-GCM.
    pub(crate) fn by_name(
        supplier: Option<&Arc<Supplier>>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        let name = CLASSIC_NAMES
            .iter()
            .find(|(ours, _)| ours.eq_ignore_ascii_case(name))
            .map_or(name, |(_, openssl)| openssl);
        let evp = match supplier {
            Some(supplier) => supplier.cipher(name),
            None => evp::fetch_cipher(From::default(), name),
        };
        let evp = evp.ok_or(AlgorithmError::UnknownCipher)?;
        let key_length = evp.key_length();
        let format = format(&evp).ok_or(AlgorithmError::UnusableCipher)?;
        if !(1..=MAX_KEY).contains(&key_length) {
            return Err(AlgorithmError::UnusableCipher);
        }
        Ok(Self {
            evp: Arc::new(evp),
            key_length,
            format,
            _supplier: supplier.cloned(),
        })
    }

    pub(crate) fn evp(&self) -> &CipherRef {
        &self.evp
    }

    /// What tells ciphers of one [`Algorithms`] apart: the address of OpenSSL's
    /// own object, which all spellings of a name share.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self.evp()).addr()
    }

    /// OpenSSL's number of the algorithm; `UNDEF` for those of some providers.
    pub(crate) fn nid(&self) -> Nid {
        self.evp.nid()
    }

    /// Bytes of key.
    pub(crate) fn key_length(&self) -> usize {
        self.key_length
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether a token under this cipher authenticates more than its session:
    /// only such a token can carry a purpose.
    pub fn is_aead(&self) -> bool {
        matches!(self.format, Format::Jwe { .. })
    }
}

fn format(evp: &CipherRef) -> Option<Format> {
    match evp::mode(evp) {
        Mode::Cbc => {
            let block_size = NonZeroUsize::new(evp.block_size())?;
            let usable = evp.iv_length() == block_size.get() && block_size.get() <= MAX_BLOCK;
            usable.then_some(Format::Classic { block_size })
        }
        // JWE has names for these three, and for no other GCM or AEAD cipher.
        Mode::Gcm => match evp.nid() {
            Nid::AES_128_GCM => Some(Format::Jwe { enc: "A128GCM" }),
            Nid::AES_192_GCM => Some(Format::Jwe { enc: "A192GCM" }),
            Nid::AES_256_GCM => Some(Format::Jwe { enc: "A256GCM" }),
            _ => None,
        },
        Mode::Other => None,
    }
}

/// The longest key of a cipher in OpenSSL (`EVP_MAX_KEY_LENGTH`).
pub(crate) const MAX_KEY: usize = 64;

/// The largest block of a CBC cipher in OpenSSL (`EVP_MAX_IV_LENGTH`).
pub(crate) const MAX_BLOCK: usize = 16;

impl fmt::Debug for Cipher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Cipher({})",
            self.evp.nid().short_name().unwrap_or("?")
        )
    }
}

/// A digest that HMAC can use.
#[derive(Clone)]
pub struct Digest {
    evp: Arc<openssl::md::Md>,
    label: Arc<str>,
    /// Where it came from, which has to stay.
    supplier: Option<Arc<Supplier>>,
}

impl Digest {
    /// Finds a digest by any of OpenSSL's names, in any case; `SHA` is SHA-1.
    /// That of an engine or provider, if there is one.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know it, or HMAC cannot use it.
    pub(crate) fn by_name(
        supplier: Option<&Arc<Supplier>>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        // OpenSSL's SHA was SHA-0, which it has no more.
        let name = if name.eq_ignore_ascii_case(SHA_ALIAS) {
            CLASSIC_DIGEST
        } else {
            name
        };
        let evp = match supplier {
            Some(supplier) => supplier.digest(name),
            None => evp::fetch_digest(From::default(), name),
        };
        let evp = evp.ok_or(AlgorithmError::UnknownDigest)?;
        let digest = Self {
            label: label(&evp, name, supplier),
            evp: Arc::new(evp),
            supplier: supplier.cloned(),
        };
        // A code and not a digest, or one whose length is up to its user, would
        // give keys that anybody knows.
        let (size, block_size) = (digest.evp.size(), digest.evp.block_size());
        if size < MIN_DIGEST || block_size < size || evp::is_extendable(&digest.evp) {
            return Err(AlgorithmError::UnusableDigest);
        }
        // The rest a trial tells: a MAC, for one, wants a key of its own.
        digest
            .pbkdf2(b"trial", b"trial", 1, &mut [0; 1])
            .map_err(|_| AlgorithmError::UnusableDigest)?;
        Ok(digest)
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
        let derive = match self.supplier {
            None => evp::pbkdf2,
            Some(_) => hmac::pbkdf2,
        };
        derive(passphrase, salt, rounds, self.evp(), key)
            .map_err(|stack| LibraryError::new("derive a key", &stack))
    }

    /// Whether this is the SHA-1 or the SHA-256 of any provider.
    pub(crate) fn is(&self, nid: Nid) -> bool {
        self.nid() == nid
    }

    /// OpenSSL's number of the algorithm, like [`Cipher::nid`].
    pub(crate) fn nid(&self) -> Nid {
        self.evp.type_()
    }

    /// Whether an engine or a provider has it, and not OpenSSL itself.
    pub(crate) fn is_supplied(&self) -> bool {
        self.supplier.is_some()
    }

    /// Tells digests apart from one reading of the configuration to the next.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// What tells digests of one [`Algorithms`] apart, like [`Cipher::id`].
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self.evp()).addr()
    }
}

/// Where a digest is from, and OpenSSL's short name; the configuration's, for
/// one that has none.
fn label(evp: &MdRef, name: &str, supplier: Option<&Arc<Supplier>>) -> Arc<str> {
    let source = supplier.map_or("", |supplier| supplier.label());
    let name = match evp.type_() {
        Nid::UNDEF => name,
        nid => nid.short_name().unwrap_or(name),
    };
    format!("{source} {name}").into()
}

/// Bytes of the shortest digest there is a use for (MD4, MD5).
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

/// Every algorithm that the configuration has named, fetched once.
///
/// Fetching by name walks OpenSSL's providers; a `.htaccess` file would make
/// it do so on each request. Only names that OpenSSL knows are kept, so there
/// is an end to them.
pub(crate) struct Algorithms {
    ciphers: RwLock<HashMap<Key, Cipher>>,
    digests: RwLock<HashMap<Key, Digest>>,
    defaults: Defaults,
}

/// The number of an engine, 0 without one, and a name in lower case.
type Key = (u64, String);

/// The algorithms of a section that names none.
pub(crate) struct Defaults {
    /// Under passphrases, as in httpd's module.
    pub(crate) ciphers: [Cipher; 1],
    /// With a certificate.
    pub(crate) certificate_ciphers: [Cipher; 1],
    pub(crate) classic_digest: Digest,
    pub(crate) jwe_digest: Digest,
}

impl Defaults {
    pub(crate) fn new(supplier: Option<&Arc<Supplier>>) -> Result<Self, AlgorithmError> {
        Ok(Self {
            ciphers: [Cipher::by_name(supplier, DEFAULT_CIPHER)?],
            certificate_ciphers: [Cipher::by_name(supplier, DEFAULT_JWE_CIPHER)?],
            classic_digest: Digest::by_name(supplier, CLASSIC_DIGEST)?,
            jwe_digest: Digest::by_name(supplier, JWE_DIGEST)?,
        })
    }
}

impl Algorithms {
    /// Fetches what stands for none: AES-256-CBC and SHA-1, as in httpd's
    /// module, and AES-256-GCM and SHA-256 for JWE.
    pub(crate) fn new() -> Result<Self, AlgorithmError> {
        Ok(Self {
            ciphers: RwLock::default(),
            digests: RwLock::default(),
            defaults: Defaults::new(None)?,
        })
    }

    pub(crate) fn cipher(
        &self,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Cipher, AlgorithmError> {
        known(&self.ciphers, engine, name, Cipher::by_name)
    }

    pub(crate) fn digest(
        &self,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Digest, AlgorithmError> {
        known(&self.digests, engine, name, Digest::by_name)
    }

    pub(crate) fn defaults(&self) -> &Defaults {
        &self.defaults
    }
}

fn known<T: Clone>(
    names: &RwLock<HashMap<Key, T>>,
    engine: Option<&Engine>,
    name: &str,
    find: impl FnOnce(Option<&Arc<Supplier>>, &str) -> Result<T, AlgorithmError>,
) -> Result<T, AlgorithmError> {
    let key = (
        engine.map(Engine::id).unwrap_or_default(),
        name.to_ascii_lowercase(),
    );
    if let Some(found) = names
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
    {
        return Ok(found.clone());
    }
    let found = find(engine.map(|engine| &engine.supplier), &key.1)?;
    let mut names = names.write().unwrap_or_else(PoisonError::into_inner);
    Ok(names.entry(key).or_insert(found).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_spelling_of_a_cipher() {
        for name in [
            "aes256",
            "AES256",
            "aes-256-cbc",
            "AES-256-CBC",
            "2.16.840.1.101.3.4.1.42",
        ] {
            assert_eq!(
                Cipher::by_name(None, name).unwrap().key_length(),
                32,
                "{name}"
            );
        }
        for name in ["3des192", "DES-EDE3-CBC", "des3"] {
            let cipher = Cipher::by_name(None, name).unwrap();
            let block_size = NonZeroUsize::new(8).unwrap();
            assert_eq!(cipher.key_length(), 24, "{name}");
            assert_eq!(cipher.format(), Format::Classic { block_size }, "{name}");
        }
    }

    #[test]
    fn fetches_an_algorithm_once() {
        let algorithms = Algorithms::new().unwrap();
        let ids: Vec<_> = ["aes128", "AES128", "aes128"]
            .map(|name| algorithms.cipher(None, name).unwrap().id())
            .into();
        assert_eq!(ids, [ids[0]; 3]);
        assert!(algorithms.cipher(None, "no such cipher").is_err());
        assert_eq!(algorithms.ciphers.read().unwrap().len(), 1);
    }

    #[test]
    fn one_algorithm_has_one_id_however_it_is_spelled() {
        let algorithms = Algorithms::new().unwrap();
        let digest = |name| algorithms.digest(None, name).unwrap().id();
        let cipher = |name| algorithms.cipher(None, name).unwrap().id();
        assert_eq!(digest("SHA"), digest("sha-1"));
        assert_eq!(digest("SHA1"), algorithms.defaults().classic_digest.id());
        assert_ne!(digest("SHA1"), digest("SHA256"));
        assert_eq!(cipher("aes256"), algorithms.defaults().ciphers[0].id());
        assert_eq!(cipher("aes256"), cipher("AES-256-CBC"));
        assert_ne!(cipher("aes256"), cipher("aes-256-gcm"));
    }

    #[test]
    fn refuses_every_mode_but_cbc_and_aes_gcm() {
        for name in [
            "aes-256-ctr",
            "aes-256-ecb",
            "aria-256-gcm",
            "aes-256-ocb",
            "aes-256-ccm",
            "aes-256-xts",
            "aes-128-cbc-cts",
            "aes-128-cbc-hmac-sha1",
            "aes-256-wrap",
            "chacha20",
            "chacha20-poly1305",
            "des-ede3",
            "null",
        ] {
            let found = Cipher::by_name(None, name).map(|_| name);
            assert_eq!(found, Err(AlgorithmError::UnusableCipher), "{name}");
        }
    }

    #[test]
    fn refuses_unknown_names() {
        for name in ["", "aes", "aes-257-cbc", "aes256\u{0}"] {
            assert_eq!(
                Cipher::by_name(None, name).map(|_| name),
                Err(AlgorithmError::UnknownCipher)
            );
            assert_eq!(
                Digest::by_name(None, name).map(|_| name),
                Err(AlgorithmError::UnknownDigest)
            );
        }
    }

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
        let engine = crate::engine::tests::load("provider:legacy").unwrap();
        for supplier in [None, Some(&engine.supplier)] {
            for name in ["shake128", "shake256", "null"] {
                let found = Digest::by_name(supplier, name).map(|_| name);
                assert_eq!(found, Err(AlgorithmError::UnusableDigest), "{name}");
            }
        }
    }
}
