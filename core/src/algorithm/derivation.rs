//! Every key derivation, with its rounds and labels.

use std::sync::OnceLock;

use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::Id;
use openssl::pkey_ctx::{HkdfMode, PkeyCtx};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::algorithm::digest::Digest;
use crate::algorithm::hmac;
use crate::algorithm::user_key::UserKey;
use crate::error::LibraryError;
use crate::secret::marks;

/// Bytes of salt at the front of a classic token.
pub(crate) const CLASSIC_SALT: usize = 16;

/// Rounds of PBKDF2 in the classic format: httpd's module passes this number to
/// `apr_crypto_passphrase` (mod_session_crypto.c, encrypt_string).
const CLASSIC_ROUNDS: u32 = 4096;

/// Bytes derived for a list of ciphers, unless one of them needs a longer key: the key
/// of AES-256. Lists that derive equally many bytes share keys.
pub(crate) const KEY_LENGTH: usize = 32;

/// The key material of one salt, from which each cipher of a list takes its key.
///
/// A short PBKDF2 output is the beginning of a longer one (RFC 8018, section 5.2), so
/// one derivation serves every cipher of a list.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct ClassicKey {
    bytes: Box<[u8]>,
}

impl ClassicKey {
    /// Derives `length` bytes from a passphrase.
    pub(crate) fn derive(
        secret: &[u8],
        digest: &Digest,
        salt: &[u8; CLASSIC_SALT],
        length: usize,
    ) -> Result<Self, LibraryError> {
        let mut key = Self {
            bytes: vec![0; length].into(),
        };
        digest.pbkdf2(secret, salt, CLASSIC_ROUNDS, &mut key.bytes)?;
        Ok(key)
    }

    /// Restores key material from the bytes that [`ClassicKey::bytes`] gave.
    pub(crate) fn restore(bytes: &[u8; KEY_LENGTH]) -> Self {
        let mut bytes = Box::new(*bytes);
        marks::hide(bytes.as_mut_slice());
        Self { bytes }
    }

    /// All bytes that were derived, a secret.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key of a cipher whose key has `length` bytes; empty if fewer were derived.
    pub(crate) fn prefix(&self, length: usize) -> &[u8] {
        self.bytes.get(..length).unwrap_or_default()
    }
}

/// The salt of the JWE master key, the same on all servers. A salt of its own for each
/// server would have to reach all the others; a random passphrase needs no salt.
const JWE_SALT: &[u8] = b"mod_session_crypto JWE 1";

/// Rounds of the JWE master key: OWASP's figure for PBKDF2-HMAC-SHA256
/// (Password Storage Cheat Sheet, 2023).
const JWE_ROUNDS: u32 = 600_000;

/// The label under which HKDF expands a master key to its key id.
const KEY_ID_LABEL: &[u8] = b"kid";

/// The label under which HKDF expands a master key to the key of a day.
const DAY_KEY_LABEL: &[u8] = b"enc";

/// The label under which HKDF expands a master key to the key of ids of users.
const USERS_LABEL: &[u8] = b"users";

/// Bytes of a key id before base64url.
pub(crate) const KEY_ID: usize = 6;

/// The JWE master key of a passphrase: 32 bytes of PBKDF2. HKDF expands it to the key
/// id, to the key of each day, and to the key of ids of users.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct MasterKey {
    bytes: Box<[u8; 32]>,
    /// Expanded when it is first needed. Each token has a key id, so it is no secret.
    #[zeroize(skip)]
    key_id: OnceLock<[u8; KEY_ID]>,
    /// It wipes itself.
    #[zeroize(skip)]
    user_key: OnceLock<UserKey>,
}

impl MasterKey {
    /// Derives the master key, which takes a tenth of a second or more.
    pub(crate) fn derive(secret: &[u8], digest: &Digest) -> Result<Self, LibraryError> {
        let mut bytes = Box::new([0; 32]);
        digest.pbkdf2(secret, JWE_SALT, JWE_ROUNDS, bytes.as_mut_slice())?;
        Ok(Self {
            bytes,
            key_id: OnceLock::new(),
            user_key: OnceLock::new(),
        })
    }

    /// Restores a master key from the bytes that [`MasterKey::bytes`] gave.
    pub(crate) fn restore(bytes: &[u8; 32]) -> Self {
        let mut bytes = Box::new(*bytes);
        marks::hide(bytes.as_mut_slice());
        Self {
            bytes,
            key_id: OnceLock::new(),
            user_key: OnceLock::new(),
        }
    }

    /// The bytes of the key, a secret.
    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The key id, which stands in the header of each JWE under this key.
    pub(crate) fn key_id(&self) -> Result<[u8; KEY_ID], LibraryError> {
        if let Some(key_id) = self.key_id.get() {
            return Ok(*key_id);
        }
        let mut key_id = [0; KEY_ID];
        self.expand(&[KEY_ID_LABEL], &mut key_id)?;
        marks::reveal(&mut key_id);
        Ok(*self.key_id.get_or_init(|| key_id))
    }

    /// Expands the key of a day for one encryption.
    ///
    /// `enc` is the encryption's name in JWE, `day` counts days since 1970-01-01 UTC,
    /// and `length` is the key's length in bytes.
    pub(crate) fn day_key(
        &self,
        enc: &str,
        day: u32,
        length: usize,
    ) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
        let mut key = Zeroizing::new(vec![0; length]);
        let day = day.to_be_bytes();
        self.expand(&[DAY_KEY_LABEL, &[0], enc.as_bytes(), &[0], &day], &mut key)?;
        Ok(key)
    }

    /// The key of ids of users, expanded when it is first asked for.
    pub(crate) fn user_key(&self) -> Result<&UserKey, LibraryError> {
        if let Some(key) = self.user_key.get() {
            return Ok(key);
        }
        let mut bytes = Box::new([0; 32]);
        self.expand(&[USERS_LABEL], bytes.as_mut_slice())?;
        Ok(self.user_key.get_or_init(|| UserKey::new(bytes)))
    }

    /// HKDF-Expand with SHA-256 (RFC 5869, section 2.3).
    fn expand(&self, info: &[&[u8]], output: &mut [u8]) -> Result<(), LibraryError> {
        hkdf_expand(self.bytes.as_slice(), info, output)
            .map_err(|stack| LibraryError::new("expand a key", &stack))
    }
}

/// The salt of the key of ids of users from a private key, the same on all servers.
const USERS_SALT: &[u8; 26] = b"mod_session_crypto users 1";

/// Extracts the key of ids of users from a secret that follows from a private key:
/// HKDF-Extract with SHA-256 (RFC 5869, section 2.2).
pub(crate) fn user_key_from_private_key(secret: &[u8]) -> UserKey {
    UserKey::new(Box::new(hmac::sha256(USERS_SALT, &[secret])))
}

/// The salt of the key of ids of users from a key of a JWK Set, the same on all servers.
const SET_KEY_USERS_SALT: &[u8; 39] = b"mod_session_crypto users of a key set 1";

/// Extracts the key of ids of users from a key of a JWK Set: HKDF-Extract with SHA-256 (RFC
/// 5869, section 2.2).
pub(crate) fn user_key_from_set_key(key: &[u8]) -> UserKey {
    UserKey::new(Box::new(hmac::sha256(SET_KEY_USERS_SALT, &[key])))
}

fn hkdf_expand(key: &[u8], info: &[&[u8]], output: &mut [u8]) -> Result<(), ErrorStack> {
    let mut context = PkeyCtx::new_id(Id::HKDF)?;
    context.derive_init()?;
    context.set_hkdf_mode(HkdfMode::EXPAND_ONLY)?;
    context.set_hkdf_md(Md::sha256())?;
    context.set_hkdf_key(key)?;
    // In one piece: OpenSSL before 3.0.14 keeps the last part alone.
    context.add_hkdf_info(&info.concat())?;
    context.derive(Some(output)).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 5869, appendix A.1.
    #[test]
    fn expands_the_example_of_rfc_5869() {
        let hex = |text: &str| -> Vec<u8> {
            let digits = (0..text.len()).step_by(2);
            digits
                .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
                .collect()
        };
        let key = hex("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5");
        let info = hex("f0f1f2f3f4f5f6f7f8f9");
        let mut output = [0; 42];
        hkdf_expand(&key, &[&info[..4], &info[4..]], &mut output).unwrap();
        let expected = "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf\
                        34007208d5b887185865";
        assert_eq!(output.to_vec(), hex(expected));
    }

    #[test]
    fn a_short_key_is_the_beginning_of_a_long_one() {
        let secret = b"secret";
        let salt = [7; CLASSIC_SALT];
        let sha1 = Digest::by_name(None, "SHA1").unwrap();
        let long = ClassicKey::derive(secret, &sha1, &salt, 32).unwrap();
        for length in [16, 24, 32] {
            let short = ClassicKey::derive(secret, &sha1, &salt, length).unwrap();
            assert_eq!(short.prefix(length), long.prefix(length));
        }
        assert!(long.prefix(33).is_empty());
    }
}
