//! The slot of a key that several threads may want before it is derived.

use std::sync::{Arc, OnceLock};

use crate::error::LibraryError;

/// A slot for one key: empty, full, or in the hands of a thread that derives the
/// key. Other threads wait for that thread instead of deriving the key as well.
pub(crate) struct KeySlot<T>(pub(crate) Arc<OnceLock<Option<T>>>);

/// A key, and whether it cost a derivation.
pub(crate) struct Obtained<K> {
    pub(crate) key: K,
    /// This call has derived the key; otherwise it was at hand.
    pub(crate) is_new: bool,
}

impl<T> KeySlot<T> {
    /// Returns the key, which `derive` makes if the slot is empty.
    ///
    /// # Errors
    ///
    /// `derive` fails, now or when another thread called it. A failure stays in the
    /// slot: the caller drops the slot and takes a new one.
    pub(crate) fn get(
        &self,
        derive: impl FnOnce() -> Result<T, LibraryError>,
    ) -> Result<Obtained<&T>, LibraryError> {
        let mut outcome = Ok(false);
        let key = self.0.get_or_init(|| match derive() {
            Ok(key) => {
                outcome = Ok(true);
                Some(key)
            }
            Err(error) => {
                outcome = Err(error);
                None
            }
        });
        let is_new = outcome?;
        key.as_ref()
            .map(|key| Obtained { key, is_new })
            .ok_or_else(LibraryError::elsewhere)
    }

    /// Fills the slot with a key, unless it is full.
    pub(crate) fn fill(&self, key: T) {
        self.0.get_or_init(|| Some(key));
    }

    /// The key, if the slot is full.
    pub(crate) fn known(&self) -> Option<&T> {
        self.0.get()?.as_ref()
    }

    /// Whether a thread has tried to derive the key, and failed.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.0.get(), Some(None))
    }
}

impl<T> Clone for KeySlot<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for KeySlot<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
