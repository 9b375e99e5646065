//! What a process keeps while a configuration is in force.

use std::hash::{BuildHasher, Hash, RandomState};

use session_crypto_core::Keyring;

/// The state of a configuration, which the parent makes and children inherit.
pub(crate) struct State {
    pub(crate) keyring: Keyring,
    /// Keys hashes that no visitor can foresee.
    hashes: RandomState,
}

impl State {
    pub(crate) fn new(keyring: Keyring) -> Self {
        Self {
            keyring,
            hashes: RandomState::new(),
        }
    }

    /// Stands for a value in this process.
    pub(crate) fn hash(&self, value: impl Hash) -> u64 {
        self.hashes.hash_one(value)
    }
}
