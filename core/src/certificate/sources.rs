//! The files and URIs of certificates and private keys in a configuration.

use std::collections::HashMap;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use crate::certificate::attempts::Attempts;
use crate::certificate::certificate::{Certificate, KeyKind};
use crate::certificate::file_error::FileError;
use crate::certificate::key_file::KeyFile;
use crate::certificate::source_error::SourceError;
use crate::certificate::unlock::PassphraseTrial;
use crate::origin::Origin;
use crate::panics::locks;
use crate::passphrase::list::PassphraseList;
use crate::secret::file::SecretFile;
use crate::secret::stamp::Stamp;

/// A file with a certificate or a private key, or the URI of one in an engine or a
/// provider.
#[derive(Clone)]
pub struct Source {
    pub(crate) id: u64,
    shown: Arc<str>,
    pub(crate) location: Location,
    /// The kind of configuration file that names the source.
    pub(crate) origin: Origin,
}

/// The location of a certificate or a private key.
#[derive(Clone)]
pub(crate) enum Location {
    /// A file, which has been read.
    File(Arc<CheckedFile>),
    /// A URI, which an engine or a provider knows.
    Uri(Arc<str>),
}

/// The most bytes of a file that the server's configuration names: more than any chain
/// of certificates has.
const MAX_FILE_SIZE: u64 = 256 * 1024;

/// The most bytes of a file that `.htaccess` names: enough for one chain, because many
/// files may be kept.
const MAX_HTACCESS_FILE_SIZE: u64 = 32 * 1024;

/// A file that has been read, and the outcomes of the checks that need no passphrase.
pub(crate) struct CheckedFile {
    pub(crate) file: KeyFile,
    certificate: OnceLock<Result<(), SourceError>>,
    key: OnceLock<Result<(), SourceError>>,
}

impl Source {
    /// The id, which is unique in a keyring: another file has another id, and so has
    /// another content of the same file.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// The name for messages, without a PIN.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The name for messages, to be kept.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        self.shown.clone()
    }

    /// Whether it is a URI, which an engine or a provider knows.
    pub fn is_uri(&self) -> bool {
        matches!(self.location, Location::Uri(_))
    }

    /// Checks the certificate as far as possible without a passphrase.
    ///
    /// # Errors
    ///
    /// There is no certificate, or its key cannot be used.
    pub fn check_certificate(&self) -> Result<(), SourceError> {
        let Location::File(checked) = &self.location else {
            return Ok(());
        };
        let check = || match without_passphrases(|trial| checked.file.certificate(trial)) {
            Ok(certificate) => Ok(Certificate::new(certificate).map(|_| ())?),
            Err(FileError::NoPassphrase) => Ok(()),
            Err(error) => Err(error.into()),
        };
        check_once(&checked.certificate, check)
    }

    /// Checks the private key as far as possible without a passphrase.
    ///
    /// # Errors
    ///
    /// There is no private key, or it cannot be used.
    pub fn check_key(&self) -> Result<(), SourceError> {
        let Location::File(checked) = &self.location else {
            return Ok(());
        };
        let check = || match without_passphrases(|trial| checked.file.private_key(trial)) {
            Ok(Some(key)) => Ok(KeyKind::of(&key).map(|_| ())?),
            Ok(None) => Err(FileError::NoKey.into()),
            Err(FileError::NoPassphrase) => Ok(()),
            Err(error) => Err(error.into()),
        };
        check_once(&checked.key, check)
    }

    /// The most attempts that it may take to open with this number of passphrases.
    pub(crate) fn most_attempts(&self, passphrases: usize) -> u64 {
        match &self.location {
            Location::File(checked) => checked.file.most_attempts(passphrases),
            Location::Uri(_) => 0,
        }
    }
}

/// Calls `open` with no passphrase to try.
fn without_passphrases<T>(open: impl FnOnce(PassphraseTrial<'_>) -> T) -> T {
    open(PassphraseTrial {
        passphrases: &PassphraseList::default(),
        attempts: &Attempts::without_bound(),
    })
}

impl fmt::Debug for Source {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Source")
    }
}

/// The sources that a configuration names.
///
/// A file that the server's configuration names is read once, by the process that reads
/// the configuration. A file that `.htaccess` names is opened for each request, with the
/// rights of the child process, and read again after a change. So an author cannot use a
/// file that only the parent process can read.
#[derive(Default)]
pub(crate) struct Sources {
    next_id: AtomicU64,
    server: Mutex<HashMap<PathBuf, Source>>,
    htaccess: Mutex<HashMap<PathBuf, KeptFile>>,
    uris: Mutex<HashMap<String, Source>>,
}

/// A file that `.htaccess` names, as it was when it was read.
struct KeptFile {
    stamp: Stamp,
    source: Source,
    /// The time of the last use: a number from [`Sources::new_id`].
    used: u64,
}

/// The most files of `.htaccess` that are kept.
const MAX_HTACCESS_FILES: usize = 64;

impl Sources {
    /// Finds a file, and reads it if necessary.
    pub(crate) fn file(&self, path: &Path, origin: Origin) -> Result<Source, SourceError> {
        match origin {
            Origin::Server => self.server_file(path),
            Origin::Htaccess => self.htaccess_file(path),
        }
    }

    fn server_file(&self, path: &Path) -> Result<Source, SourceError> {
        let mut server = locks::lock(&self.server);
        if let Some(known) = server.get(path) {
            return Ok(known.clone());
        }
        let source = self.read(path, open(path)?, Origin::Server)?;
        server.insert(path.to_owned(), source.clone());
        Ok(source)
    }

    /// Finds a file of `.htaccess`.
    ///
    /// A slow file system may keep this thread waiting. No lock is held meanwhile, so
    /// other threads need not wait for it.
    fn htaccess_file(&self, path: &Path) -> Result<Source, SourceError> {
        let lock = || locks::lock(&self.htaccess);
        let file = open(path)?;
        let stamp = Stamp::of(&file.metadata);
        if let Some(known) = lock().get_mut(path).filter(|known| known.stamp == stamp) {
            known.used = self.new_id();
            return Ok(known.source.clone());
        }
        let source = self.read(path, file, Origin::Htaccess)?;
        let mut files = lock();
        if files.len() >= MAX_HTACCESS_FILES && !files.contains_key(path) {
            let oldest = files.iter().min_by_key(|(_, known)| known.used);
            if let Some(oldest) = oldest.map(|(path, _)| path.clone()) {
                files.remove(&oldest);
            }
        }
        let kept = KeptFile {
            stamp,
            source: source.clone(),
            used: self.new_id(),
        };
        files.insert(path.to_owned(), kept);
        Ok(source)
    }

    /// Finds the source of a URI, which the server's configuration names.
    pub(crate) fn uri(&self, uri: &str) -> Source {
        let mut uris = locks::lock(&self.uris);
        let new = || Source {
            id: self.new_id(),
            shown: without_pin(uri).into(),
            location: Location::Uri(uri.into()),
            origin: Origin::Server,
        };
        uris.entry(uri.to_owned()).or_insert_with(new).clone()
    }

    fn read(&self, path: &Path, file: SecretFile, origin: Origin) -> Result<Source, SourceError> {
        let most = match origin {
            Origin::Server => MAX_FILE_SIZE,
            Origin::Htaccess => MAX_HTACCESS_FILE_SIZE,
        };
        if file.metadata.size() > most {
            return Err(SourceError::TooLarge(most));
        }
        let content = file.read().map_err(unreadable)?;
        let checked = CheckedFile {
            file: KeyFile::new(content, origin)?,
            certificate: OnceLock::new(),
            key: OnceLock::new(),
        };
        Ok(Source {
            id: self.new_id(),
            shown: path.to_string_lossy().into(),
            location: Location::File(Arc::new(checked)),
            origin,
        })
    }

    fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }
}

/// Checks once, and keeps the outcome unless this host failed.
fn check_once(
    kept: &OnceLock<Result<(), SourceError>>,
    check: impl FnOnce() -> Result<(), SourceError>,
) -> Result<(), SourceError> {
    if let Some(known) = kept.get() {
        return known.clone();
    }
    let outcome = check();
    if !matches!(outcome, Err(SourceError::File(FileError::Failed))) {
        let _ = kept.set(outcome.clone());
    }
    outcome
}

/// Opens a file that is no directory, pipe or device.
fn open(path: &Path) -> Result<SecretFile, SourceError> {
    let file = SecretFile::open(path).map_err(unreadable)?;
    if !file.metadata.is_file() {
        return Err(SourceError::NotAFile);
    }
    Ok(file)
}

fn unreadable(error: std::io::Error) -> SourceError {
    SourceError::Unreadable(error.to_string())
}

/// A PKCS#11 URI (RFC 7512) without its PIN and all that follows the PIN: engines do not
/// agree where a PIN ends.
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
    use std::fs::{self, OpenOptions};
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;

    /// A folder that is removed when the test ends.
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
    fn files_of_the_server_are_read_once() {
        let (folder, sources) = (Folder::new("once"), Sources::default());
        let path = folder.write("file", b"one");
        let first = sources.file(&path, Origin::Server).unwrap();
        folder.write("file", b"another");
        assert_eq!(sources.file(&path, Origin::Server).unwrap().id, first.id);
        fs::remove_file(&path).unwrap();
        assert_eq!(sources.file(&path, Origin::Server).unwrap().id, first.id);
    }

    #[test]
    fn files_of_htaccess_are_read_again_after_a_change() {
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
    fn a_file_that_the_child_cannot_read_is_closed_to_htaccess() {
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
        for number in 0..2 * MAX_HTACCESS_FILES {
            let path = folder.write(&number.to_string(), b"one");
            sources.file(&path, Origin::Htaccess).unwrap();
            assert_eq!(sources.file(&regular, Origin::Htaccess).unwrap().id, id);
            assert!(sources.htaccess.lock().unwrap().len() <= MAX_HTACCESS_FILES);
        }
    }

    #[test]
    fn refuses_directories_pipes_empty_files_and_large_files() {
        let (folder, sources) = (Folder::new("none"), Sources::default());
        let pipe = folder.0.join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        for (origin, most) in [
            (Origin::Server, MAX_FILE_SIZE),
            (Origin::Htaccess, MAX_HTACCESS_FILE_SIZE),
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
