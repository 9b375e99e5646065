//! The reading of a file, and its identity, by which a change shows.

use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use session_crypto_core::{Exposure, KeySet, PassphraseFileError};
use zeroize::Zeroizing;

use crate::advice;

/// The content of a key file, in messages.
pub(super) const A_SET: &str = "a JWK Set, which 'htsession key' makes";

/// Bytes of the longest text, which are [`KeySet::MAX_TEXT`].
const MOST: u64 = 64 * 1024;

/// The text of a file, and its identity when it was opened.
pub(super) struct Reading {
    pub(super) text: Zeroizing<Vec<u8>>,
    pub(super) identity: Identity,
    pub(super) exposure: Option<Exposure>,
}

/// The identity of a file, which differs after each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Identity {
    /// The identity of the file that a path names, through all links.
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::from(&metadata))
    }

    /// Whether the other one is the same file, perhaps with another content.
    pub(super) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }
}

impl From<&Metadata> for Identity {
    fn from(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

/// Reads a file, and nothing that would have to be waited for, like a pipe.
///
/// # Errors
///
/// It cannot be read, is no file, or is larger than any JWK Set.
pub(super) fn read(path: &Path) -> Result<Reading, PassphraseFileError> {
    let unreadable = |error: io::Error| PassphraseFileError::Unreadable(error.to_string());
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(PassphraseFileError::Directory);
    }
    if !metadata.is_file() {
        return Err(PassphraseFileError::NotAFile);
    }
    if metadata.size() > MOST {
        return Err(PassphraseFileError::TooLarge(MOST));
    }
    // Room for all of it at once, and for the read that finds its end: a vector that grows
    // leaves a copy behind.
    let size = usize::try_from(metadata.size()).unwrap_or_default();
    let mut text = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
    file.take(metadata.size())
        .read_to_end(&mut text)
        .map_err(unreadable)?;
    Ok(Reading {
        text,
        identity: Identity::from(&metadata),
        exposure: Exposure::of(metadata.mode()),
    })
}

/// Reads a text, which must have a key that seals now. The error goes on after the name of
/// the file.
pub(super) fn parse(text: &Zeroizing<Vec<u8>>, now: u64) -> Result<KeySet, String> {
    let keys = KeySet::parse(text).map_err(|error| advice::key_set(&error))?;
    keys.check_at(now)
        .map_err(|error| advice::key_set(&error))?;
    Ok(keys)
}
