//! A key that the configuration needs before the children fork.

use std::sync::Arc;

use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey, KEY_ID, KEY_LENGTH, MasterKey};
use crate::algorithm::digest::Digest;
use crate::counters::counters::Counters;
use crate::counters::event::Event;
use crate::counters::key::KeyCounter;
use crate::error::LibraryError;
use crate::passphrase::classic_keys::ClassicKeySlot;
use crate::passphrase::master_slot::{MasterSlot, to_bytes};
use crate::passphrase::passphrase::Passphrase;

/// A key of 32 bytes that the configuration needs, to be restored or derived before the
/// children fork: a master key of JWE, or a classic key of the hour.
pub struct KeyJob {
    passphrase: Arc<Passphrase>,
    digest: Digest,
    name: [u8; KEY_LENGTH],
    key: JobKey,
    counters: Counters,
}

enum JobKey {
    Master(Arc<MasterSlot>),
    Classic {
        salt: [u8; CLASSIC_SALT],
        slot: ClassicKeySlot,
    },
}

impl KeyJob {
    /// The job of a master key.
    pub(crate) fn master(
        (passphrase, digest): (Arc<Passphrase>, Digest),
        slot: Arc<MasterSlot>,
        counters: Counters,
    ) -> Self {
        Self {
            passphrase,
            digest,
            name: *to_bytes(&slot.name),
            key: JobKey::Master(slot),
            counters,
        }
    }

    /// The job of the classic key of an hour, by the hour's salt.
    pub(crate) fn classic(
        (passphrase, digest): (Arc<Passphrase>, Digest),
        salt: [u8; CLASSIC_SALT],
        slot: ClassicKeySlot,
        (naming_key, counters): (&[u8; 16], Counters),
    ) -> Self {
        Self {
            name: passphrase.classic_key_name(&digest, &salt, naming_key),
            passphrase,
            digest,
            key: JobKey::Classic { salt, slot },
            counters,
        }
    }

    /// The key's name: 32 bytes that follow from the seed of the keyring and all that the
    /// key is derived from. It does not reveal the passphrase to a reader without the
    /// seed.
    pub fn name(&self) -> [u8; KEY_LENGTH] {
        self.name
    }

    /// Whether it is a master key of JWE, which takes a tenth of a second.
    pub fn is_master(&self) -> bool {
        matches!(self.key, JobKey::Master(_))
    }

    /// Whether the key may be derived on any thread, beside other keys. A digest of an
    /// engine or provider might not allow it.
    pub fn is_side_by_side(&self) -> bool {
        !self.digest.is_supplied()
    }

    /// Restores the key from the bytes of [`KeyJob::key`].
    pub fn restore(&self, key: &[u8; KEY_LENGTH]) {
        match &self.key {
            JobKey::Master(slot) => {
                slot.key.get_or_init(|| MasterKey::restore(key));
            }
            JobKey::Classic { slot, .. } => slot.fill(ClassicKey::restore(key)),
        }
    }

    /// Derives the key: a millisecond or two for a classic key, and a tenth of a second or
    /// more for a master key.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive(&self) -> Result<(), LibraryError> {
        let secret = self.passphrase.secret();
        self.counters.count(Event::Derivation, 0);
        match &self.key {
            JobKey::Master(slot) => {
                let key = MasterKey::derive(secret, &self.digest)?;
                slot.key.get_or_init(|| key);
            }
            JobKey::Classic { salt, slot } => {
                slot.get(|| ClassicKey::derive(secret, &self.digest, salt, KEY_LENGTH))?;
            }
        }
        Ok(())
    }

    /// The counter of the passphrase.
    pub(crate) fn counter(&self) -> KeyCounter {
        self.passphrase.counter.load()
    }

    /// The JWE key id of a master key, once it is restored or derived.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub(crate) fn key_id(&self) -> Result<Option<[u8; KEY_ID]>, LibraryError> {
        let JobKey::Master(slot) = &self.key else {
            return Ok(None);
        };
        slot.key.get().map(MasterKey::key_id).transpose()
    }

    /// The bytes of the key, once it is restored or derived.
    pub fn key(&self) -> Option<&[u8; KEY_LENGTH]> {
        match &self.key {
            JobKey::Master(slot) => slot.key.get().map(MasterKey::bytes),
            JobKey::Classic { slot, .. } => slot.known()?.bytes().first_chunk(),
        }
    }
}
