//! Where a configuration says that certificates and private keys are.

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use thiserror::Error;
use zeroize::Zeroizing;

use crate::certificate::{Certificate, KeyKind, UnusableKey};
use crate::key_file::{FileError, KeyFile};
use crate::{Origin, PassphraseList};

/// A file, or the URI of something that is in none.
#[derive(Clone, Debug)]
pub struct Source {
    pub(crate) id: u64,
    shown: Arc<str>,
    pub(crate) place: Place,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    File(Arc<Entry>),
    Uri(Arc<str>),
}

/// Why a source cannot be used; the words go on after its name.
#[derive(Clone, Debug, Error)]
pub enum SourceError {
    /// The system does not give it out.
    #[error("cannot be read ({0}): write the name of a file that httpd's user may read")]
    Unreadable(String),
    /// A directory, a pipe, a device.
    #[error("is not a file: write the name of one")]
    NotAFile,
    /// More than any certificate or key has.
    #[error(
        "is larger than {} bytes: write the name of a certificate or key",
        MAX_FILE
    )]
    TooLarge,
    /// What is in it.
    #[error(transparent)]
    File(#[from] FileError),
    /// What the key in it is.
    #[error("has {0}")]
    Key(#[from] UnusableKey),
}

/// Larger than any chain of certificates that is used.
const MAX_FILE: u64 = 256 * 1024;

/// A file that has been read, and what was found in it without a passphrase.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) file: KeyFile,
    certificate: OnceLock<Result<(), SourceError>>,
    key: OnceLock<Result<(), SourceError>>,
}

impl Source {
    /// What to call it in a message: its name, without a PIN.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Whether it is the URI of something that an engine or a provider has.
    pub fn is_uri(&self) -> bool {
        matches!(self.place, Place::Uri(_))
    }

    /// Looks for a certificate, as far as that goes without a passphrase.
    ///
    /// # Errors
    ///
    /// There is none, or its key is of no use.
    pub fn check_certificate(&self) -> Result<(), SourceError> {
        let Place::File(entry) = &self.place else {
            return Ok(());
        };
        let check = || match entry.file.certificate(&PassphraseList::default()) {
            Ok(certificate) => Ok(Certificate::new(certificate).map(|_| ())?),
            Err(FileError::NoPassphrase) => Ok(()),
            Err(error) => Err(error.into()),
        };
        entry.certificate.get_or_init(check).clone()
    }

    /// Looks for a private key, as far as that goes without a passphrase.
    ///
    /// # Errors
    ///
    /// There is none, or it is of no use.
    pub fn check_key(&self) -> Result<(), SourceError> {
        let Place::File(entry) = &self.place else {
            return Ok(());
        };
        let check = || match entry.file.private_key(&PassphraseList::default()) {
            Ok(Some(key)) => Ok(KeyKind::of(&key).map(|_| ())?),
            Ok(None) => Err(FileError::NoKey.into()),
            Err(FileError::NoPassphrase) => Ok(()),
            Err(error) => Err(error.into()),
        };
        entry.key.get_or_init(check).clone()
    }
}

/// The sources that a configuration has named.
///
/// What the server's configuration names is read once, by whoever reads that
/// configuration. What a `.htaccess` file names is opened each time, with the
/// rights of the process that serves it, and read again if it has changed: it
/// must not get at what only the parent could read.
#[derive(Default)]
pub(crate) struct Sources {
    next_id: AtomicU64,
    server: Mutex<HashMap<PathBuf, Source>>,
    visitors: Mutex<HashMap<PathBuf, Visitor>>,
    uris: Mutex<HashMap<String, Source>>,
}

struct Visitor {
    stamp: Stamp,
    source: Source,
    seen: u64,
}

/// What tells one content of a file from another without reading it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
}

/// Files named by `.htaccess` files that are kept.
const MAX_VISITORS: usize = 256;

impl Sources {
    /// Finds a file, and reads it if it has not been.
    pub(crate) fn file(&self, path: &Path, origin: Origin) -> Result<Source, SourceError> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if origin == Origin::Server {
            if let Some(known) = server.get(path) {
                return Ok(known.clone());
            }
            let (source, _) = self.read(path, |_| None)?;
            server.insert(path.to_owned(), source.clone());
            return Ok(source);
        }
        drop(server);
        let mut visitors = self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |stamp: &Stamp| {
            let known = visitors.get(path)?;
            (known.stamp == *stamp).then(|| known.source.clone())
        };
        let (source, stamp) = self.read(path, known)?;
        if visitors.len() >= MAX_VISITORS && !visitors.contains_key(path) {
            let oldest = visitors.iter().min_by_key(|(_, known)| known.seen);
            if let Some(oldest) = oldest.map(|(path, _)| path.clone()) {
                visitors.remove(&oldest);
            }
        }
        let visitor = Visitor {
            stamp,
            source: source.clone(),
            seen: self.next_id.fetch_add(1, Ordering::Relaxed),
        };
        visitors.insert(path.to_owned(), visitor);
        Ok(source)
    }

    /// Names what is behind a URI.
    pub(crate) fn uri(&self, uri: &str) -> Source {
        let mut uris = self.uris.lock().unwrap_or_else(PoisonError::into_inner);
        let name = || Source {
            id: self.new_id(),
            shown: without_pin(uri).into(),
            place: Place::Uri(uri.into()),
        };
        uris.entry(uri.to_owned()).or_insert_with(name).clone()
    }

    fn read(
        &self,
        path: &Path,
        known: impl FnOnce(&Stamp) -> Option<Source>,
    ) -> Result<(Source, Stamp), SourceError> {
        let fail = |error: std::io::Error| SourceError::Unreadable(error.to_string());
        // A pipe must not be waited for.
        let mut file = OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(path)
            .map_err(fail)?;
        let metadata = file.metadata().map_err(fail)?;
        if !metadata.is_file() {
            return Err(SourceError::NotAFile);
        }
        let stamp = Stamp {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
        };
        if let Some(known) = known(&stamp) {
            return Ok((known, stamp));
        }
        if metadata.size() > MAX_FILE {
            return Err(SourceError::TooLarge);
        }
        // Room for all of it at once: growing would leave a copy behind.
        let room = usize::try_from(metadata.size()).unwrap_or_default();
        let mut content = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
        file.by_ref()
            .take(metadata.size())
            .read_to_end(&mut content)
            .map_err(fail)?;
        let entry = Entry {
            file: KeyFile::new(content)?,
            certificate: OnceLock::new(),
            key: OnceLock::new(),
        };
        let source = Source {
            id: self.new_id(),
            shown: path.to_string_lossy().into(),
            place: Place::File(Arc::new(entry)),
        };
        Ok((source, stamp))
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

/// A PKCS#11 URI (RFC 7512) with its PIN taken out.
fn without_pin(uri: &str) -> String {
    let hidden = |part: &str| match part.split_once('=') {
        Some((name, _)) if name.eq_ignore_ascii_case("pin-value") => format!("{name}=..."),
        _ => part.to_owned(),
    };
    // Attributes end at any of these; between them is nothing to hide.
    let mut shown = String::new();
    for piece in uri.split_inclusive([':', ';', '?', '&']) {
        let body = piece.trim_end_matches([':', ';', '?', '&']);
        shown.push_str(&hidden(body));
        shown.push_str(piece.get(body.len()..).unwrap_or_default());
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_not_shown() {
        for (uri, shown) in [
            (
                "pkcs11:token=t;pin-value=1234",
                "pkcs11:token=t;pin-value=...",
            ),
            (
                "pkcs11:object=o?pin-value=1234&x=y",
                "pkcs11:object=o?pin-value=...&x=y",
            ),
            ("pkcs11:token=t;object=o", "pkcs11:token=t;object=o"),
            ("pkcs11:PIN-VALUE=1", "pkcs11:PIN-VALUE=..."),
        ] {
            assert_eq!(without_pin(uri), shown);
        }
    }
}
