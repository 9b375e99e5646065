//! A passphrase, wiped when it is dropped.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::algorithm::derivation::CLASSIC_SALT;
use crate::algorithm::digest::Digest;
use crate::algorithm::hmac;
use crate::counters::key::KeyCounterCell;
use crate::fingerprint::Fingerprint;
use crate::panics::locks;
use crate::passphrase::classic_keys::SealingKeys;
use crate::passphrase::master_slot::MasterSlot;
use crate::secret::marks;

/// A passphrase of the configuration, and the keys that seal under it now.
///
/// Equal passphrases of one [`Keyring`](crate::Keyring) are one value. The type cannot be
/// compared or printed, on purpose.
pub struct Passphrase {
    id: u64,
    secret: Secret,
    used: AtomicBool,
    /// Its counter, once it is named.
    pub(crate) counter: KeyCounterCell,
    /// A section of the configuration opens sessions with it. Others open private keys.
    opens: AtomicBool,
    /// The keys of the classic format that seal now.
    pub(crate) sealing: SealingKeys,
    /// The slots of its master keys, each with the id of the digest.
    masters: Mutex<Vec<(usize, Arc<MasterSlot>)>>,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Secret {
    bytes: Box<[u8]>,
    mac_key: [u8; 16],
}

/// The error for a passphrase of no bytes, which protects nothing.
#[derive(Clone, Copy, Debug, Error)]
#[error("empty passphrase")]
pub struct EmptyPassphrase;

impl Passphrase {
    /// Copies `bytes`, which the caller wipes; `id` is unique in its keyring.
    pub(crate) fn new(bytes: &[u8], id: u64) -> Result<Self, EmptyPassphrase> {
        if bytes.is_empty() {
            return Err(EmptyPassphrase);
        }
        // This is not OpenSSL's MD5, because a FIPS provider has none. The MAC of httpd's
        // module needs it all the same (mod_session_crypto.c, compute_auth).
        let mut secret = Secret {
            bytes: bytes.into(),
            mac_key: [0; 16],
        };
        marks::hide(&mut secret.bytes);
        secret.mac_key = Md5::digest(&secret.bytes).into();
        Ok(Self {
            id,
            secret,
            used: AtomicBool::new(false),
            counter: KeyCounterCell::default(),
            opens: AtomicBool::new(false),
            sealing: SealingKeys::default(),
            masters: Mutex::default(),
        })
    }

    /// The id that identifies this passphrase in the ids of its keys.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether the passphrase has these bytes, in constant time.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        marks::verdict(self.secret.bytes.ct_eq(bytes))
    }

    /// Whether one of its keys has ever been used.
    pub(crate) fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Notes that one of its keys is used.
    pub(crate) fn note_use(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// Whether a section of the configuration opens sessions with it.
    pub(crate) fn opens(&self) -> bool {
        self.opens.load(Ordering::Relaxed)
    }

    /// Notes that a section of the configuration opens sessions with it.
    pub(crate) fn note_opens(&self) {
        self.opens.store(true, Ordering::Relaxed);
    }

    /// The bytes, for a key derivation that is about to start.
    pub(crate) fn secret(&self) -> &[u8] {
        self.note_use();
        &self.secret.bytes
    }

    /// The SipHash key of the classic format: MD5 of the passphrase.
    pub(crate) fn mac_key(&self) -> &[u8; 16] {
        &self.secret.mac_key
    }

    /// The slot of the JWE master key under a digest, derived or not. Its name follows
    /// from `naming_key`.
    pub(crate) fn master_slot(&self, digest: &Digest, naming_key: &[u8; 16]) -> Arc<MasterSlot> {
        let mut slots = locks::lock(&self.masters);
        if let Some((_, slot)) = slots.iter().find(|(known, _)| *known == digest.id()) {
            return slot.clone();
        }
        // The slots need no bound: OpenSSL's digests are few, and a master key is 38
        // bytes.
        let slot = Arc::new(MasterSlot::new(&self.secret.bytes, digest, naming_key));
        slots.push((digest.id(), slot.clone()));
        slot
    }

    /// Tells the passphrase from all others that are counted, also after a restart.
    pub(crate) fn identity(&self, naming_key: &[u8; 16]) -> Fingerprint {
        let parts = [IDENTITY_LABEL, &[0], &self.secret.bytes];
        let mut name: [u8; 32] = hmac::sha256(naming_key, &parts);
        marks::reveal(&mut name);
        Fingerprint::of([name.as_slice()])
    }

    /// The name of the classic key under a digest and a salt, in which it is kept over
    /// restarts.
    pub(crate) fn classic_key_name(
        &self,
        digest: &Digest,
        salt: &[u8; CLASSIC_SALT],
        naming_key: &[u8; 16],
    ) -> [u8; 32] {
        let label = digest.label().as_bytes();
        let parts = [
            CLASSIC_NAME_LABEL,
            &[0],
            label,
            &[0],
            salt,
            &self.secret.bytes,
        ];
        let mut name = hmac::sha256(naming_key, &parts);
        marks::reveal(&mut name);
        name
    }
}

/// The beginning of the text that the identity of a passphrase is computed from.
const IDENTITY_LABEL: &[u8] = b"mod_session_crypto passphrase";

/// The beginning of the text that the name of a classic key is computed from; digest, salt
/// and passphrase follow.
const CLASSIC_NAME_LABEL: &[u8] = b"mod_session_crypto classic key";

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
        assert!(Passphrase::new(b"", 1).is_err());
    }

    #[test]
    fn is_not_printed() {
        let passphrase = Passphrase::new(b"secret", 1).unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase");
    }

    #[test]
    fn wipes_every_byte() {
        let mut passphrase = Passphrase::new(b"secret", 1).unwrap();
        passphrase.secret.zeroize();
        assert!(passphrase.secret().iter().all(|&byte| byte == 0));
        assert_eq!(passphrase.mac_key(), &[0; 16]);
    }
}
