//! Ciphers by name, and the wire format of each.
//!
//! A cipher is checked here once, when the configuration names it. A request checks it
//! no more.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use openssl::cipher::CipherRef;
use openssl::cipher_ctx::{CipherCtx, CipherCtxRef};
use openssl::error::ErrorStack;
use openssl::nid::Nid;

use crate::algorithm::error::AlgorithmError;
use crate::libcrypto::evp::{self, Mode, Scope};
use crate::libcrypto::supplier::Supplier;
use crate::libcrypto::verdict;

/// The cipher names of httpd's module, each with OpenSSL's name.
const CLASSIC_NAMES: [(&str, &str); 4] = [
    ("3des192", "DES-EDE3-CBC"),
    ("aes128", "AES-128-CBC"),
    ("aes192", "AES-192-CBC"),
    ("aes256", "AES-256-CBC"),
];

/// A cipher, which also selects a wire format.
#[derive(Clone)]
pub struct Cipher {
    evp: Arc<openssl::cipher::Cipher>,
    key_length: usize,
    format: Format,
    can_encrypt: bool,
    /// Keeps the engine or the provider of `evp` loaded.
    _supplier: Option<Arc<Supplier>>,
}

/// The wire format that a cipher selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// The format of httpd's module: a cipher in CBC mode.
    Classic {
        /// Bytes of a block.
        block_size: NonZeroUsize,
    },
    /// JSON Web Encryption: AES-GCM.
    Jwe {
        /// The cipher's name in JWE (RFC 7518, section 5.3).
        enc: &'static str,
    },
}

impl Cipher {
    /// Finds a cipher by one of httpd's four names or any of OpenSSL's, in any case.
    /// With a supplier, the supplier's implementation goes before OpenSSL's.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know the name, the cipher is neither CBC nor AES-GCM, its provider does
    /// not let it decrypt, or the host failed.
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
            None => evp::fetch_cipher(Scope::default(), name),
        };
        let evp = evp.map_err(|_| AlgorithmError::HostFailed)?;
        let evp = evp.ok_or(AlgorithmError::UnknownCipher)?;
        let key_length = evp.key_length();
        let format = format(&evp).ok_or(AlgorithmError::UnusableCipher)?;
        if !(1..=MAX_KEY).contains(&key_length) {
            return Err(AlgorithmError::UnusableCipher);
        }
        // A provider may refuse a cipher that it has only when a key is set.
        if !can_take_key(&evp, CipherCtxRef::decrypt_init)? {
            return Err(AlgorithmError::RefusedCipher);
        }
        let can_encrypt = can_take_key(&evp, CipherCtxRef::encrypt_init)?;
        Ok(Self {
            evp: Arc::new(evp),
            key_length,
            format,
            can_encrypt,
            _supplier: supplier.cloned(),
        })
    }

    pub(crate) fn evp(&self) -> &CipherRef {
        &self.evp
    }

    /// A number that tells the ciphers of one keyring apart: the address of OpenSSL's own
    /// object, which all spellings of a name share.
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self.evp()).addr()
    }

    /// OpenSSL's number of the algorithm; `UNDEF` for some ciphers of providers.
    pub(crate) fn nid(&self) -> Nid {
        self.evp.nid()
    }

    /// Bytes of a key.
    pub(crate) fn key_length(&self) -> usize {
        self.key_length
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether the provider lets this cipher encrypt: a FIPS provider may let 3DES decrypt
    /// alone.
    pub fn can_encrypt(&self) -> bool {
        self.can_encrypt
    }

    /// Whether a token under this cipher authenticates more than its session. Only such
    /// a token can carry a purpose.
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
        // JWE names these three GCM ciphers and no other.
        Mode::Gcm => match evp.nid() {
            Nid::AES_128_GCM => Some(Format::Jwe { enc: "A128GCM" }),
            Nid::AES_192_GCM => Some(Format::Jwe { enc: "A192GCM" }),
            Nid::AES_256_GCM => Some(Format::Jwe { enc: "A256GCM" }),
            _ => None,
        },
        Mode::Other => None,
    }
}

/// Whether the provider takes a key for one direction.
fn can_take_key(evp: &CipherRef, init: Init) -> Result<bool, AlgorithmError> {
    let mut context = CipherCtx::new().map_err(|_| AlgorithmError::HostFailed)?;
    // The three keys of 3DES must not be the same.
    let key: Vec<u8> = (0..=u8::MAX).take(evp.key_length()).collect();
    match init(&mut context, Some(evp), Some(&key), Some(&[0; MAX_BLOCK])) {
        Ok(()) => Ok(true),
        Err(stack) if verdict::is_fatal(&stack) => Err(AlgorithmError::HostFailed),
        Err(_) => Ok(false),
    }
}

/// The function that begins one direction.
type Init = fn(
    &mut CipherCtxRef,
    Option<&CipherRef>,
    Option<&[u8]>,
    Option<&[u8]>,
) -> Result<(), ErrorStack>;

/// Bytes of the longest key of a cipher in OpenSSL (`EVP_MAX_KEY_LENGTH`).
pub(crate) const MAX_KEY: usize = 64;

/// Bytes of the largest block of a CBC cipher in OpenSSL (`EVP_MAX_IV_LENGTH`).
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
        }
    }

    #[test]
    fn is_printed_by_its_name() {
        let cipher = Cipher::by_name(None, "aes256").unwrap();
        assert_eq!(format!("{cipher:?}"), "Cipher(AES-256-CBC)");
    }
}
