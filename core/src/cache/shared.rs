//! A key that several threads may want before it is derived.

use std::sync::{Arc, OnceLock};

use crate::error::LibraryError;

/// A key, or the place of one that some thread is deriving. The others wait
/// for that one instead of deriving it as well.
pub(crate) struct Shared<T>(pub(crate) Arc<OnceLock<Option<T>>>);

impl<T> Shared<T> {
    /// Returns the key, derived now if it has not been; and whether it was.
    ///
    /// A failure stays: whoever fails drops the place and takes a new one.
    pub(crate) fn get(
        &self,
        derive: impl FnOnce() -> Result<T, LibraryError>,
    ) -> Result<(&T, bool), LibraryError> {
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
        let derived = outcome?;
        key.as_ref()
            .map(|key| (key, derived))
            .ok_or_else(LibraryError::elsewhere)
    }

    /// Some thread has tried, and could not.
    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.0.get(), Some(None))
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}
