//! A secret, wiped when it is dropped.

use std::fmt;

use md5::{Digest as _, Md5};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// A passphrase of the configuration, and the MAC key that it gives.
///
/// Comparing and printing it is impossible on purpose.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Passphrase {
    secret: Box<[u8]>,
    mac_key: [u8; 16],
}

/// A passphrase of no bytes protects nothing.
#[derive(Clone, Copy, Debug, Error)]
#[error("empty passphrase")]
pub struct EmptyPassphrase;

impl Passphrase {
    /// Copies `secret`, which the caller wipes.
    ///
    /// # Errors
    ///
    /// `secret` is empty.
    pub fn new(secret: &[u8]) -> Result<Self, EmptyPassphrase> {
        if secret.is_empty() {
            return Err(EmptyPassphrase);
        }
        // Not OpenSSL's MD5: a FIPS provider has none, and the MAC of httpd's
        // module is keyed by it all the same (mod_session_crypto.c, compute_auth).
        Ok(Self {
            secret: secret.into(),
            mac_key: Md5::digest(secret).into(),
        })
    }

    /// The bytes that key derivation starts from.
    pub(crate) fn secret(&self) -> &[u8] {
        &self.secret
    }

    /// The SipHash key of the classic format: MD5 of the passphrase.
    pub(crate) fn mac_key(&self) -> &[u8; 16] {
        &self.mac_key
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_the_empty_passphrase() {
        assert!(Passphrase::new(b"").is_err());
    }

    #[test]
    fn is_not_printed() {
        let passphrase = Passphrase::new(b"secret").unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase");
    }

    #[test]
    fn wipes_every_byte() {
        let mut passphrase = Passphrase::new(b"secret").unwrap();
        passphrase.zeroize();
        assert!(passphrase.secret.iter().all(|&byte| byte == 0));
        assert_eq!(passphrase.mac_key, [0; 16]);
    }
}
