//! The file of a JWK Set, read.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::key_set::error::KeySetError;
use crate::key_set::key_set::KeySet;
use crate::limits::MAX_KEY_SET;
use crate::passphrase::file::{Exposure, PassphraseFileError, read_secrets};
use crate::secret::stamp::Stamp;

/// The text of a file, with its stamp and its mode when it was opened.
pub struct KeySetFile {
    pub(super) text: Zeroizing<Vec<u8>>,
    pub(super) stamp: Stamp,
    mode: u32,
}

impl KeySetFile {
    /// Reads a file, and nothing that would have to be waited for, like a pipe.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no file, or is larger than any JWK Set.
    pub fn read(path: &Path) -> Result<Self, PassphraseFileError> {
        let most = u64::try_from(MAX_KEY_SET).unwrap_or(u64::MAX);
        let (metadata, text) = read_secrets(path, most)?;
        let (stamp, mode) = (Stamp::of(&metadata), metadata.mode());
        Ok(Self { text, stamp, mode })
    }

    /// The keys, of which one must seal at a Unix time in seconds.
    ///
    /// # Errors
    ///
    /// The text is no JWK Set, or no key seals.
    pub fn keys(&self, now: u64) -> Result<KeySet, KeySetError> {
        KeySet::parse_at(&self.text, now)
    }

    /// A file of this text.
    #[cfg(test)]
    pub(super) fn of_text(text: Zeroizing<Vec<u8>>, stamp: Stamp) -> Self {
        let mode = 0o600;
        Self { text, stamp, mode }
    }

    /// Access to the file that others should not have.
    pub fn exposure(&self) -> Option<Exposure> {
        Exposure::of(self.mode)
    }
}
