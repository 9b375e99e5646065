//! The passphrases of a configuration and of its `.htaccess` files.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex};

use crate::counters::key::KeyCounter;
use crate::id;
use crate::origin::Origin;
use crate::panics::locks;
use crate::passphrase::passphrase::{EmptyPassphrase, Passphrase};

/// Most passphrases of `.htaccess` files that are kept.
pub(crate) const MAX_FROM_HTACCESS: usize = 1024;

/// The passphrases of a keyring, where equal passphrases are one value.
#[derive(Default)]
pub(crate) struct Passphrases {
    hasher: RandomState,
    known: Mutex<KnownPassphrases>,
}

#[derive(Default)]
struct KnownPassphrases {
    entries: HashMap<PassphraseHash, KnownPassphrase>,
    /// The number of look-ups, which dates the last use of each entry.
    clock: u64,
    /// The number of entries that come from `.htaccess` files.
    from_htaccess: usize,
}

struct KnownPassphrase {
    passphrase: Arc<Passphrase>,
    origin: Origin,
    last_look_up: u64,
}

/// A hash of a passphrase under a random key, so that an attacker cannot make two collide.
type PassphraseHash = u64;

impl Passphrases {
    /// Finds or makes the one value of this passphrase.
    ///
    /// # Errors
    ///
    /// The passphrase is empty.
    pub(crate) fn find_or_make(
        &self,
        bytes: &[u8],
        origin: Origin,
    ) -> Result<Arc<Passphrase>, EmptyPassphrase> {
        let hash = self.hasher.hash_one(bytes);
        let mut known = locks::lock(&self.known);
        if let Some(known) = known.find(hash, bytes, origin) {
            return Ok(known);
        }
        let passphrase = Arc::new(Passphrase::new(bytes, id::next())?);
        if origin == Origin::Htaccess {
            passphrase.counter.store(KeyCounter::HTACCESS);
        }
        known.add(hash, &passphrase, origin);
        Ok(passphrase)
    }

    /// All passphrases.
    pub(crate) fn all(&self) -> Vec<Arc<Passphrase>> {
        let known = locks::lock(&self.known);
        let entries = known.entries.values();
        entries.map(|known| known.passphrase.clone()).collect()
    }
}

impl KnownPassphrases {
    fn find(
        &mut self,
        hash: PassphraseHash,
        bytes: &[u8],
        origin: Origin,
    ) -> Option<Arc<Passphrase>> {
        self.clock = self.clock.wrapping_add(1);
        let known = self.entries.get_mut(&hash)?;
        if !known.passphrase.is(bytes) {
            return None;
        }
        known.last_look_up = self.clock;
        if origin == Origin::Server && known.origin == Origin::Htaccess {
            known.origin = origin;
            self.from_htaccess = self.from_htaccess.saturating_sub(1);
        }
        Some(known.passphrase.clone())
    }

    fn add(&mut self, hash: PassphraseHash, passphrase: &Arc<Passphrase>, origin: Origin) {
        if origin == Origin::Htaccess {
            if self.from_htaccess >= MAX_FROM_HTACCESS {
                self.forget_one_from_htaccess();
            }
            self.from_htaccess = self.from_htaccess.saturating_add(1);
        }
        let known = KnownPassphrase {
            passphrase: passphrase.clone(),
            origin,
            last_look_up: self.clock,
        };
        self.entries.insert(hash, known);
    }

    /// Drops the passphrase of a `.htaccess` file that was not looked up for longest. An
    /// unused passphrase goes first, so a file with many of them pushes out its own.
    fn forget_one_from_htaccess(&mut self) {
        let from_htaccess = self
            .entries
            .iter()
            .filter(|(_, known)| known.origin == Origin::Htaccess);
        let oldest = from_htaccess
            .min_by_key(|(_, known)| (known.passphrase.was_used(), known.last_look_up))
            .map(|(hash, _)| *hash);
        if oldest.and_then(|hash| self.entries.remove(&hash)).is_some() {
            self.from_htaccess = self.from_htaccess.saturating_sub(1);
        }
    }
}
