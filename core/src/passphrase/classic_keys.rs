//! The keys of the classic format, by what they are derived from.

use std::sync::Mutex;

use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey};
use crate::cache::key_cache::{CachedSlot, KeyCache};
use crate::cache::slot::KeySlot;
use crate::panics::locks;

/// The id of a key in the cache: everything that the key is derived from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ClassicKeyId {
    /// The id of the passphrase.
    pub(crate) passphrase: u64,
    /// The id of the digest.
    pub(crate) digest: usize,
    /// In bytes.
    pub(crate) length: usize,
    pub(crate) salt: [u8; CLASSIC_SALT],
}

impl ClassicKeyId {
    /// Whether two ids are equal, or differ in their salt alone.
    fn is_same_but_for_salt(&self, other: &Self) -> bool {
        *self
            == Self {
                salt: self.salt,
                ..*other
            }
    }
}

/// The slot of a key of the classic format.
pub(crate) type ClassicKeySlot = KeySlot<ClassicKey>;

/// Such a slot in the cache, kept or on trial.
pub(crate) type CachedClassicSlot = CachedSlot<ClassicKey>;

/// The keys of tokens in the classic format.
pub(crate) type ClassicKeyCache = KeyCache<ClassicKeyId, ClassicKey>;

/// A key that seals during one hour.
#[derive(Clone)]
pub(crate) struct SealingKey {
    pub(crate) id: ClassicKeyId,
    pub(crate) slot: ClassicKeySlot,
}

impl SealingKey {
    /// Whether this key has that id, derived or about to be.
    fn is(&self, id: &ClassicKeyId) -> bool {
        self.id == *id && !self.slot.has_failed()
    }
}

/// The keys of a passphrase that seal now, one for each digest and key length.
#[derive(Default)]
pub(crate) struct SealingKeys(Mutex<Vec<SealingKey>>);

impl SealingKeys {
    /// The slot of this id, if its key seals now.
    pub(crate) fn find(&self, id: &ClassicKeyId) -> Option<ClassicKeySlot> {
        let keys = locks::lock(&self.0);
        keys.iter()
            .find(|key| key.is(id))
            .map(|key| key.slot.clone())
    }

    /// Makes `new` the key that seals, unless another thread has done so. Returns
    /// the slot of the key that seals, and the key that it replaces.
    pub(crate) fn set(&self, new: SealingKey) -> (ClassicKeySlot, Option<SealingKey>) {
        let mut keys = locks::lock(&self.0);
        if let Some(known) = keys.iter().find(|key| key.is(&new.id)) {
            return (known.slot.clone(), None);
        }
        let slot = new.slot.clone();
        let of_last_hour = keys
            .iter()
            .position(|key| key.id.is_same_but_for_salt(&new.id));
        let replaced = match (of_last_hour, keys.len()) {
            (Some(index), _) => Some(keys.swap_remove(index)),
            (None, MAX_SEALING..) => Some(keys.swap_remove(0)),
            (None, _) => None,
        };
        keys.push(new);
        (slot, replaced)
    }
}

/// Keys of one passphrase that seal at once: more digests and key lengths than a
/// sane configuration has.
const MAX_SEALING: usize = 8;
