//! Files that may contain a secret.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use zeroize::Zeroizing;

/// An open file. Its metadata is that of the moment when it was opened.
pub(crate) struct SecretFile {
    file: File,
    pub(crate) metadata: Metadata,
}

impl SecretFile {
    /// Opens a file without waiting: to open a pipe could otherwise take forever.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)?;
        let metadata = file.metadata()?;
        Ok(Self { file, metadata })
    }

    /// Reads as many bytes as the file had when it was opened.
    pub(crate) fn read(self) -> io::Result<Zeroizing<Vec<u8>>> {
        // Room for all of it at once: a vector that grows leaves a copy behind.
        let room = usize::try_from(self.metadata.size()).unwrap_or_default();
        let mut content = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
        self.file
            .take(self.metadata.size())
            .read_to_end(&mut content)?;
        Ok(content)
    }
}
