//! The file that keeps the list over a full stop.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use session_crypto_core::RevocationTable;

use super::advice;
use crate::clock;
use crate::ffi::{self, Level};
use crate::message::{Code, Message};

/// The file cannot be read as httpd starts.
const NOT_READ: Code = Code("SC0518");

/// The file cannot be written.
const NOT_WRITTEN: Code = Code("SC0612");

/// The file of a configuration in force, which its parent writes.
pub(crate) struct KeptFile {
    path: PathBuf,
    /// The changes of the table that the file has.
    written: AtomicU64,
    /// The Unix time in seconds of the last line about a failure.
    said: AtomicU64,
}

/// Stands for a file that was not written yet.
const NEVER: u64 = u64::MAX;

/// Seconds between two lines about a failure.
const SILENCE: u64 = 60;

impl KeptFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self {
            path,
            written: AtomicU64::new(NEVER),
            said: AtomicU64::new(0),
        }
    }

    /// Adds the records of the file to a table.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is not such a file. The table is as it was.
    pub(super) fn read(&self, table: &RevocationTable) -> Result<(), Message> {
        read(&self.path, table)
            .map_err(|reason| NOT_READ.says(format!("SessionCryptoRevocation: {}", reason.words())))
    }

    /// Writes the file, unless it has all changes of the table.
    pub(super) fn write_if_changed(&self, table: &RevocationTable) {
        let changes = table.changes();
        if self.written.load(Ordering::Relaxed) == changes {
            return;
        }
        let now = clock::now();
        match write(&self.path, table, now) {
            Ok(()) => self.written.store(changes, Ordering::Relaxed),
            Err(error) => {
                let said = self.said.load(Ordering::Relaxed);
                if now.abs_diff(said) >= SILENCE {
                    self.said.store(now, Ordering::Relaxed);
                    ffi::log_server(Level::Error, &not_written(&self.path, &error));
                }
            }
        }
    }
}

/// Says that the file cannot be written.
fn not_written(path: &Path, error: &io::Error) -> Message {
    NOT_WRITTEN.says(format!(
        "ended sessions cannot be kept in {} ({error}): copies of them work again if the server \
         is stopped now",
        path.display()
    ))
}

/// Adds the records of a file to a table; a file that is not there has none.
///
/// # Errors
///
/// It cannot be read, or is not such a file. The table is as it was.
pub(super) fn read(path: &Path, table: &RevocationTable) -> Result<(), Message> {
    let shown = path.display();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(advice::kept_file(&shown, &error.into())),
    };
    match table.read_from(file, clock::now()) {
        Ok(_) => Ok(()),
        Err(error) => Err(advice::kept_file(&shown, &error)),
    }
}

/// Writes a file that is whole at any moment: a new one takes the place of the old one.
fn write(path: &Path, table: &RevocationTable, now: u64) -> io::Result<()> {
    let mut new = OsString::from(path);
    new.push(".new");
    let new = PathBuf::from(new);
    // Left behind by a parent that was killed.
    if let Err(error) = fs::remove_file(&new) {
        if error.kind() != io::ErrorKind::NotFound {
            return Err(error);
        }
    }
    // A link that came there meanwhile would be an error.
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&new)?;
    table.write_to(&file, now)?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    // The name is on the disk when the folder is.
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
