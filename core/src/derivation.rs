//! Every key derivation, with its rounds and labels.

use openssl::md::MdRef;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{LibraryError, Passphrase, evp};

/// Bytes of salt at the front of a classic token.
pub(crate) const CLASSIC_SALT: usize = 16;

/// Rounds that `apr_crypto_passphrase` is called with by httpd's module
/// (mod_session_crypto.c, encrypt_string).
const CLASSIC_ROUNDS: u32 = 4096;

/// The longest key of a cipher in OpenSSL (`EVP_MAX_KEY_LENGTH`).
pub(crate) const MAX_KEY: usize = 64;

/// Bytes derived for any list of ciphers, unless one of them takes more: what
/// AES-256 takes. That all derive the same lets them share keys.
pub(crate) const KEY_LENGTH: usize = 32;

/// PBKDF2 output, from which each cipher takes as many bytes as its key has.
///
/// A shorter PBKDF2 output is the beginning of a longer one (RFC 8018, 5.2),
/// so one derivation serves every cipher of a list.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ClassicKey {
    bytes: Box<[u8]>,
}

impl ClassicKey {
    /// Derives `length` bytes.
    pub(crate) fn derive(
        passphrase: &Passphrase,
        digest: &MdRef,
        salt: &[u8; CLASSIC_SALT],
        length: usize,
    ) -> Result<Self, LibraryError> {
        let mut key = Self {
            bytes: vec![0; length].into(),
        };
        evp::pbkdf2(
            passphrase.secret(),
            salt,
            CLASSIC_ROUNDS,
            digest,
            &mut key.bytes,
        )
        .map_err(|stack| LibraryError::new("derive a key", &stack))?;
        Ok(key)
    }

    /// The key of a cipher that takes `length` bytes; fewer, and no key for
    /// it, if fewer were derived.
    pub(crate) fn prefix(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use openssl::md::Md;

    use super::*;

    #[test]
    fn a_short_key_is_the_beginning_of_a_long_one() {
        let passphrase = Passphrase::new(b"secret", 1).unwrap();
        let salt = [7; CLASSIC_SALT];
        let long = ClassicKey::derive(&passphrase, Md::sha1(), &salt, 32).unwrap();
        for length in [16, 24, 32] {
            let short = ClassicKey::derive(&passphrase, Md::sha1(), &salt, length).unwrap();
            assert_eq!(short.prefix(length), long.prefix(length));
        }
        assert!(long.prefix(33).is_empty());
    }
}
