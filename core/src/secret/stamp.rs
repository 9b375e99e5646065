//! The mark of one content of a file.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The mark of one content of a file: another content has another stamp, unless both were
/// written within one tick of the file system's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    /// The time of the last change of the content, the owner or the mode. Unlike
    /// `modified`, no user can set it back.
    changed: (i64, i64),
}

/// Seconds after a change in which another one may have the same time, also on a file system
/// that counts whole seconds.
const TICK: i64 = 2;

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    /// The stamp of the file that a path names, through all links.
    pub(crate) fn of_path(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|metadata| Self::of(&metadata))
    }

    /// Whether the other one is of the same file, perhaps with another content.
    pub(crate) fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// Whether a change that comes after a Unix time in seconds may leave the stamp as it is.
    pub(crate) fn is_recent(&self, now: u64) -> bool {
        let (changed, _) = self.changed;
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        now.saturating_sub(changed) < TICK
    }

    /// The stamp of a file by its number, with a content that was written at a Unix time in
    /// seconds.
    #[cfg(test)]
    pub(crate) fn at(inode: u64, changed: i64) -> Self {
        Self {
            device: 1,
            inode,
            size: 1,
            modified: (changed, 0),
            changed: (changed, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_recent_until_its_second_and_the_next_are_over() {
        let stamp = Stamp::at(1, 100);
        // A clock that is behind says that the file is of the future.
        for now in [0, 99, 100, 101] {
            assert!(stamp.is_recent(now), "{now}");
        }
        for now in [102, 1000, u64::MAX] {
            assert!(!stamp.is_recent(now), "{now}");
        }
    }
}
