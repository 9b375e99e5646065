//! Where a configuration says that certificates and private keys are.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use zeroize::Zeroizing;

use crate::certificate::attempts::Attempts;
use crate::certificate::certificate::{Certificate, KeyKind};
use crate::certificate::file_error::FileError;
use crate::certificate::key_file::KeyFile;
use crate::certificate::source_error::SourceError;
use crate::certificate::unlock::Secrets;
use crate::origin::Origin;
use crate::passphrase::list::PassphraseList;

/// A file, or the URI of something that is in none.
#[derive(Clone)]
pub struct Source {
    pub(crate) id: u64,
    shown: Arc<str>,
    pub(crate) place: Place,
    /// It was named by a `.htaccess` file.
    pub(crate) is_visitor: bool,
}

#[derive(Clone)]
pub(crate) enum Place {
    File(Arc<Entry>),
    Uri(Arc<str>),
}

/// Larger than any chain of certificates that is used; and what is enough for
/// one, where many may be kept.
const MAX_FILE: u64 = 256 * 1024;
const MAX_HTACCESS_FILE: u64 = 32 * 1024;

/// A file that has been read, and what was found in it without a passphrase.
pub(crate) struct Entry {
    pub(crate) file: KeyFile,
    certificate: OnceLock<Result<(), SourceError>>,
    key: OnceLock<Result<(), SourceError>>,
}

impl Source {
    /// Tells sources of one keyring apart: another file, or another content of it,
    /// has another id.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What to call it in a message: its name, without a PIN.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The same, to be kept.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.shown.clone()
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
        let check = || match without_passphrases(|secrets| entry.file.certificate(secrets)) {
            Ok(certificate) => Ok(Certificate::new(certificate).map(|_| ())?),
            Err(FileError::NoPassphrase) => Ok(()),
            Err(error) => Err(error.into()),
        };
        keep(&entry.certificate, check)
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
        let check = || match without_passphrases(|secrets| entry.file.private_key(secrets)) {
            Ok(Some(key)) => Ok(KeyKind::of(&key).map(|_| ())?),
            Ok(None) => Err(FileError::NoKey.into()),
            Err(FileError::NoPassphrase) => Ok(()),
            Err(error) => Err(error.into()),
        };
        keep(&entry.key, check)
    }

    /// How many attempts it may take to open with so many passphrases.
    pub(crate) fn most_attempts(&self, passphrases: usize) -> u64 {
        match &self.place {
            Place::File(entry) => entry.file.most_attempts(passphrases),
            Place::Uri(_) => 0,
        }
    }
}

/// Opens what needs no passphrase.
fn without_passphrases<T>(open: impl FnOnce(Secrets<'_>) -> T) -> T {
    open(Secrets {
        passphrases: &PassphraseList::default(),
        attempts: &Attempts::without_bound(),
    })
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Source")
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
    /// Of owner and mode too, and nobody's to set back as the one above is.
    changed: (i64, i64),
}

/// Files named by `.htaccess` files that are kept.
const MAX_VISITORS: usize = 64;

impl Sources {
    /// Finds a file, and reads it if it has not been.
    pub(crate) fn file(&self, path: &Path, origin: Origin) -> Result<Source, SourceError> {
        match origin {
            Origin::Server => self.server_file(path),
            Origin::Htaccess => self.visitor(path),
        }
    }

    fn server_file(&self, path: &Path) -> Result<Source, SourceError> {
        let mut server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = server.get(path) {
            return Ok(known.clone());
        }
        let (file, stamp) = open(path)?;
        let source = self.read(path, file, &stamp, Origin::Server)?;
        server.insert(path.to_owned(), source.clone());
        Ok(source)
    }

    /// A file system may keep whoever reads waiting: nobody else must wait, so
    /// there is no lock while that may be.
    fn visitor(&self, path: &Path) -> Result<Source, SourceError> {
        let lock = || self.visitors.lock().unwrap_or_else(PoisonError::into_inner);
        let (file, stamp) = open(path)?;
        if let Some(known) = lock().get_mut(path).filter(|known| known.stamp == stamp) {
            known.seen = self.new_id();
            return Ok(known.source.clone());
        }
        let source = self.read(path, file, &stamp, Origin::Htaccess)?;
        let mut visitors = lock();
        if visitors.len() >= MAX_VISITORS && !visitors.contains_key(path) {
            let oldest = visitors.iter().min_by_key(|(_, known)| known.seen);
            if let Some(oldest) = oldest.map(|(path, _)| path.clone()) {
                visitors.remove(&oldest);
            }
        }
        let visitor = Visitor {
            stamp,
            source: source.clone(),
            seen: self.new_id(),
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
            is_visitor: false,
        };
        uris.entry(uri.to_owned()).or_insert_with(name).clone()
    }

    fn read(
        &self,
        path: &Path,
        file: File,
        stamp: &Stamp,
        origin: Origin,
    ) -> Result<Source, SourceError> {
        let most = match origin {
            Origin::Server => MAX_FILE,
            Origin::Htaccess => MAX_HTACCESS_FILE,
        };
        if stamp.size > most {
            return Err(SourceError::TooLarge(most));
        }
        // Room for all of it at once: growing would leave a copy behind.
        let room = usize::try_from(stamp.size).unwrap_or_default();
        let mut content = Zeroizing::new(Vec::with_capacity(room.saturating_add(1)));
        file.take(stamp.size)
            .read_to_end(&mut content)
            .map_err(unreadable)?;
        let entry = Entry {
            file: KeyFile::new(content, origin)?,
            certificate: OnceLock::new(),
            key: OnceLock::new(),
        };
        Ok(Source {
            id: self.new_id(),
            shown: path.to_string_lossy().into(),
            place: Place::File(Arc::new(entry)),
            is_visitor: origin == Origin::Htaccess,
        })
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

/// The outcome of a check, made once; it is not kept if the host failed.
fn keep(
    place: &OnceLock<Result<(), SourceError>>,
    check: impl FnOnce() -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    if let Some(known) = place.get() {
        return known.clone();
    }
    let outcome = check();
    if !matches!(outcome, Err(SourceError::File(FileError::Failed))) {
        let _ = place.set(outcome.clone());
    }
    outcome
}

/// Opens a file, and nothing that would have to be waited for, like a pipe.
fn open(path: &Path) -> Result<(File, Stamp), SourceError> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
        .map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(SourceError::NotAFile);
    }
    let stamp = Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    };
    Ok((file, stamp))
}

fn unreadable(error: std::io::Error) -> SourceError {
    SourceError::Unreadable(error.to_string())
}

/// A PKCS#11 URI (RFC 7512) without its PIN and what comes after it: where a
/// PIN ends, engines do not agree.
fn without_pin(uri: &str) -> String {
    const NAME: &str = "pin-value=";
    match uri.to_ascii_lowercase().find(NAME) {
        Some(start) => {
            let end = start.saturating_add(NAME.len());
            format!("{}...", uri.get(..end).unwrap_or_default())
        }
        None => uri.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// A folder that goes when the test ends.
    struct Folder(PathBuf);

    impl Folder {
        fn new(test: &str) -> Self {
            let name = format!("session-crypto-{test}-{}", std::process::id());
            let path = std::env::temp_dir().join(name);
            fs::create_dir(&path).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, content: &[u8]) -> PathBuf {
            let path = self.0.join(name);
            fs::write(&path, content).unwrap();
            path
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn set_modified(path: &Path, seconds: u64) {
        let file = OpenOptions::new().write(true).open(path).unwrap();
        let time = UNIX_EPOCH.checked_add(Duration::from_secs(seconds));
        file.set_modified(time.unwrap()).unwrap();
    }

    #[test]
    fn what_the_server_names_is_read_once() {
        let (folder, sources) = (Folder::new("once"), Sources::default());
        let path = folder.write("file", b"one");
        let first = sources.file(&path, Origin::Server).unwrap();
        folder.write("file", b"another");
        assert_eq!(sources.file(&path, Origin::Server).unwrap().id, first.id);
        fs::remove_file(&path).unwrap();
        assert_eq!(sources.file(&path, Origin::Server).unwrap().id, first.id);
    }

    #[test]
    fn what_htaccess_names_is_read_when_it_has_changed() {
        let (folder, sources) = (Folder::new("changed"), Sources::default());
        let path = folder.write("file", b"one");
        set_modified(&path, 1000);
        let id = || sources.file(&path, Origin::Htaccess).unwrap().id;
        let mut seen = vec![id()];
        let mut has_changed = || {
            let now = id();
            let is_new = !seen.contains(&now);
            seen.push(now);
            assert_eq!(id(), now);
            is_new
        };
        assert!(!has_changed());
        // Another time.
        set_modified(&path, 1001);
        assert!(has_changed());
        // Another length, at the same time.
        folder.write("file", b"three");
        set_modified(&path, 1001);
        assert!(has_changed());
        // Another file of the same length and time.
        let other = folder.write("other", b"seven");
        set_modified(&other, 1001);
        fs::rename(other, &path).unwrap();
        assert!(has_changed());
        // Only its content.
        folder.write("file", b"eight");
        set_modified(&path, 1001);
        assert!(has_changed());
        assert!(!has_changed());
    }

    #[test]
    fn htaccess_gets_at_nothing_that_it_cannot_read_itself() {
        let (folder, sources) = (Folder::new("rights"), Sources::default());
        let path = folder.write("file", b"one");
        let server = sources.file(&path, Origin::Server).unwrap();
        let htaccess = sources.file(&path, Origin::Htaccess).unwrap();
        assert_ne!(htaccess.id, server.id);
        fs::remove_file(&path).unwrap();
        assert!(sources.file(&path, Origin::Server).is_ok());
        assert!(sources.file(&path, Origin::Htaccess).is_err());
    }

    #[test]
    fn keeps_few_files_of_htaccess_and_those_in_use() {
        let (folder, sources) = (Folder::new("few"), Sources::default());
        let regular = folder.write("regular", b"one");
        let id = sources.file(&regular, Origin::Htaccess).unwrap().id;
        for number in 0..2 * MAX_VISITORS {
            let path = folder.write(&number.to_string(), b"one");
            sources.file(&path, Origin::Htaccess).unwrap();
            assert_eq!(sources.file(&regular, Origin::Htaccess).unwrap().id, id);
            assert!(sources.visitors.lock().unwrap().len() <= MAX_VISITORS);
        }
    }

    #[test]
    fn refuses_what_is_no_file_with_anything_in_it() {
        let (folder, sources) = (Folder::new("none"), Sources::default());
        let pipe = folder.0.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for (origin, most) in [
            (Origin::Server, MAX_FILE),
            (Origin::Htaccess, MAX_HTACCESS_FILE),
        ] {
            let largest = vec![b'a'; usize::try_from(most).unwrap()];
            let larger = [largest.as_slice(), b"a"].concat();
            let refusal = |path: &Path| sources.file(path, origin).unwrap_err();
            assert!(matches!(refusal(&folder.0), SourceError::NotAFile));
            assert!(matches!(refusal(&pipe), SourceError::NotAFile));
            let missing = folder.0.join("missing");
            assert!(matches!(refusal(&missing), SourceError::Unreadable(_)));
            for content in [&b""[..], b" \n\t "] {
                let empty = folder.write("empty", content);
                let empty = refusal(&empty);
                assert!(matches!(empty, SourceError::File(FileError::Empty)));
            }
            let too_large = folder.write("large", &larger);
            assert!(matches!(refusal(&too_large), SourceError::TooLarge(_)));
            let large = folder.write("largest", &largest);
            assert!(sources.file(&large, origin).is_ok());
        }
    }

    #[test]
    fn only_its_type_is_printed() {
        let sources = Sources::default();
        let source = sources.uri("pkcs11:object=web?pin-value=1234");
        assert_eq!(format!("{source:?}"), "Source");
        assert_eq!(source.shown(), "pkcs11:object=web?pin-value=...");
        assert_eq!(
            sources.uri("pkcs11:object=web?pin-value=1234").id,
            source.id
        );
        assert_ne!(sources.uri("pkcs11:object=web").id, source.id);
    }

    #[test]
    fn a_pin_is_not_shown() {
        for (uri, shown) in [
            (
                "pkcs11:token=t;pin-value=1234",
                "pkcs11:token=t;pin-value=...",
            ),
            (
                "pkcs11:object=o?pin-value=1234&x=y",
                "pkcs11:object=o?pin-value=...",
            ),
            ("pkcs11:token=t;object=o", "pkcs11:token=t;object=o"),
            ("pkcs11:PIN-VALUE=1", "pkcs11:PIN-VALUE=..."),
            (
                "pkcs11:object=o?pin-value=a:b",
                "pkcs11:object=o?pin-value=...",
            ),
            (
                "pkcs11:object=o;PIN-value=a?b",
                "pkcs11:object=o;PIN-value=...",
            ),
        ] {
            assert_eq!(without_pin(uri), shown);
        }
    }
}
