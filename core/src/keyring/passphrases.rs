//! The passphrases that a configuration and its `.htaccess` files have named.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, PoisonError};

use crate::id;
use crate::origin::Origin;
use crate::passphrase::passphrase::{EmptyPassphrase, Passphrase};

/// Passphrases of `.htaccess` files that are kept.
pub(crate) const MAX_VISITORS: usize = 1024;

/// The passphrases of a keyring: equal ones are one value.
#[derive(Default)]
pub(crate) struct Passphrases {
    hasher: RandomState,
    known: Mutex<KnownPassphrases>,
}

#[derive(Default)]
struct KnownPassphrases {
    entries: HashMap<Fingerprint, Known>,
    /// Counts look-ups, to tell which entry has not been seen for longest.
    clock: u64,
    /// Entries that come from `.htaccess` files.
    from_htaccess: usize,
}

struct Known {
    passphrase: Arc<Passphrase>,
    origin: Origin,
    seen: u64,
}

/// Under a key that nobody knows, so that nobody makes two alike on purpose.
type Fingerprint = u64;

impl Passphrases {
    /// Finds or makes the one value of this passphrase.
    ///
    /// # Errors
    ///
    /// It is empty.
    pub(crate) fn find_or_make(
        &self,
        bytes: &[u8],
        origin: Origin,
    ) -> Result<Arc<Passphrase>, EmptyPassphrase> {
        let fingerprint = self.hasher.hash_one(bytes);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known.find(fingerprint, bytes, origin) {
            return Ok(known);
        }
        let passphrase = Arc::new(Passphrase::new(bytes, id::next())?);
        known.add(fingerprint, &passphrase, origin);
        Ok(passphrase)
    }
}

impl KnownPassphrases {
    fn find(
        &mut self,
        fingerprint: Fingerprint,
        bytes: &[u8],
        origin: Origin,
    ) -> Option<Arc<Passphrase>> {
        self.clock = self.clock.wrapping_add(1);
        let known = self.entries.get_mut(&fingerprint)?;
        if !known.passphrase.is(bytes) {
            return None;
        }
        known.seen = self.clock;
        if origin == Origin::Server && known.origin == Origin::Htaccess {
            known.origin = origin;
            self.from_htaccess = self.from_htaccess.saturating_sub(1);
        }
        Some(known.passphrase.clone())
    }

    fn add(&mut self, fingerprint: Fingerprint, passphrase: &Arc<Passphrase>, origin: Origin) {
        if origin == Origin::Htaccess {
            if self.from_htaccess >= MAX_VISITORS {
                self.forget_one_from_htaccess();
            }
            self.from_htaccess = self.from_htaccess.saturating_add(1);
        }
        let known = Known {
            passphrase: passphrase.clone(),
            origin,
            seen: self.clock,
        };
        self.entries.insert(fingerprint, known);
    }

    /// Drops the entry of a `.htaccess` file not seen for longest: one that has not
    /// been used, if there is any, so that a file with many passphrases pushes out its own.
    fn forget_one_from_htaccess(&mut self) {
        let from_htaccess = self
            .entries
            .iter()
            .filter(|(_, known)| known.origin == Origin::Htaccess);
        let oldest = from_htaccess
            .min_by_key(|(_, known)| (known.passphrase.was_used(), known.seen))
            .map(|(fingerprint, _)| *fingerprint);
        if oldest
            .and_then(|fingerprint| self.entries.remove(&fingerprint))
            .is_some()
        {
            self.from_htaccess = self.from_htaccess.saturating_sub(1);
        }
    }
}
