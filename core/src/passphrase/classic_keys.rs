//! The keys of the classic format, by what they are derived from.

use std::sync::{Mutex, PoisonError};

use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey};
use crate::cache::key_cache::{Found, KeyCache};
use crate::cache::shared::Shared;

/// What a key is derived from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyName {
    pub(crate) passphrase: u64,
    pub(crate) digest: usize,
    pub(crate) length: usize,
    pub(crate) salt: [u8; CLASSIC_SALT],
}

impl KeyName {
    /// Whether two keys differ in their salt alone.
    pub(crate) fn same_use(&self, other: &Self) -> bool {
        *self
            == Self {
                salt: self.salt,
                ..*other
            }
    }
}

/// A key of the classic format that several threads may want at once.
pub(crate) type SharedKey = Shared<ClassicKey>;

/// A look-up of such a key, and what it has found.
pub(crate) type FoundKey = Found<ClassicKey>;

/// The keys of tokens in the classic format.
pub(crate) type ClassicKeys = KeyCache<KeyName, ClassicKey>;

/// A key that seals during one hour.
#[derive(Clone)]
pub(crate) struct SealingKey {
    pub(crate) name: KeyName,
    pub(crate) key: SharedKey,
}

impl SealingKey {
    /// Whether this is the key of that name, derived or about to be.
    fn is(&self, name: &KeyName) -> bool {
        self.name == *name && !self.key.has_failed()
    }
}

/// The keys of a passphrase that seal now, one for each digest and key length.
#[derive(Default)]
pub(crate) struct SealingKeys(Mutex<Vec<SealingKey>>);

impl SealingKeys {
    /// The key of this name, if it is one of those that seal now.
    pub(crate) fn find(&self, name: &KeyName) -> Option<SharedKey> {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .find(|held| held.is(name))
            .map(|held| held.key.clone())
    }

    /// Makes `new` the key that seals, unless another thread has done so, and
    /// returns the one that does. What it replaces is pushed out.
    pub(crate) fn set(&self, new: SealingKey) -> (SharedKey, Option<SealingKey>) {
        let mut keys = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = keys.iter().find(|held| held.is(&new.name)) {
            return (held.key.clone(), None);
        }
        let key = new.key.clone();
        let place = keys.iter().position(|held| held.name.same_use(&new.name));
        let replaced = match (place, keys.len()) {
            (Some(index), _) => Some(keys.swap_remove(index)),
            (None, MAX_SEALING..) => Some(keys.swap_remove(0)),
            (None, _) => None,
        };
        keys.push(new);
        (key, replaced)
    }
}

/// How many digests and key lengths at once keep their keys with a
/// passphrase; more than a sane configuration has.
const MAX_SEALING: usize = 8;
