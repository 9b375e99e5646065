//! A file that is replaced at once, or made new.
//!
//! A new content is written to a file of its own, beside the file that it replaces, and
//! gets its name when all of it is on the disk. A process that is killed leaves the old
//! content or the new one, and perhaps the file beside it, which the next rotation removes. A
//! new file has no name at all until then, where the file system has such files.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use base64_simd::URL_SAFE_NO_PAD;
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, XattrFlags, fgetxattr, flock, fremovexattr,
    fsetxattr, linkat,
};
use rustix::io::Errno;
use session_crypto_core::{OpenSslRandom, Random};

use crate::failure::{Failure, Kind, Outcome, warn, without_number};

/// The permissions of a new file.
const OWN: u32 = 0o600;

/// The bits of a mode that are permissions.
const PERMISSIONS: u32 = 0o7777;

/// The attribute with the access control list of a file (acl(5)).
const ACCESS_LIST: &str = "system.posix_acl_access";

/// Bytes of the longest access control list, which is the longest attribute (xattr(7)).
const MAX_ACCESS_LIST: usize = 64 * 1024;

/// The time that a rotation waits for another one.
const PATIENCE: Duration = Duration::from_secs(60);

/// The time between two tries to lock a file.
const BETWEEN_TRIES: Duration = Duration::from_millis(50);

/// The end of the name of the file beside another.
const BESIDE: &str = ".htsession-new";

/// A file that nobody else replaces while this value lives.
pub(crate) struct Locked {
    /// The file itself, also if it was named by a link to it.
    path: PathBuf,
    file: File,
}

impl Locked {
    /// Opens the file that a path or a link leads to, and waits a minute at most for another
    /// process that is replacing it.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, is none, or stays locked.
    pub(crate) fn open(path: &Path) -> Outcome<Self> {
        Self::open_within(path, PATIENCE)
    }

    fn open_within(path: &Path, patience: Duration) -> Outcome<Self> {
        let unreadable = |error| failed(path, "cannot be read", &error);
        let mut waiting = Waiting {
            patience,
            since: None,
        };
        loop {
            let target = fs::canonicalize(path).map_err(unreadable)?;
            // NFS locks only a file that is open for writing.
            let writable = OpenOptions::new().read(true).write(true).open(&target);
            let file = writable.or_else(|_| File::open(&target));
            let file = file.map_err(unreadable)?;
            let metadata = file.metadata().map_err(unreadable)?;
            if !metadata.is_file() {
                let path = path.display();
                return Err(Failure::new(Kind::File, format!("{path} is not a file")));
            }
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                // The file may be another one after the wait.
                Err(Errno::WOULDBLOCK) => {
                    waiting.wait(path)?;
                    continue;
                }
                Err(error) => return Err(failed(path, "cannot be locked", &error.into())),
            }
            // Another process may have replaced the file while this one waited.
            let now = fs::metadata(path).map_err(unreadable)?;
            if (now.dev(), now.ino()) == (metadata.dev(), metadata.ino()) {
                return Ok(Self { path: target, file });
            }
        }
    }

    /// The path of the file itself, to read it.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the content at once. The file keeps its owner and its permissions, with
    /// its access control list.
    ///
    /// # Errors
    ///
    /// A step fails. The old content is in force then, unless the new one is.
    pub(crate) fn replace(&self, content: &[u8]) -> Outcome<()> {
        let old = self.file.metadata();
        let old = old.map_err(|error| failed(&self.path, "cannot be read", &error))?;
        let mut beside = self.path.clone().into_os_string();
        beside.push(BESIDE);
        let beside = PathBuf::from(beside);
        // The lock says that a run which was killed has left it.
        let _ = fs::remove_file(&beside);
        let replaced = write_new(&beside, content, |file| {
            let new = file.metadata()?;
            if (new.uid(), new.gid()) != (old.uid(), old.gid()) {
                fchown(file, Some(old.uid()), Some(old.gid()))?;
            }
            copy_access_list(&self.file, file)?;
            file.set_permissions(Permissions::from_mode(old.mode() & PERMISSIONS))
        })
        .and_then(|()| fs::rename(&beside, &self.path));
        replaced.map_err(|error| {
            let _ = fs::remove_file(&beside);
            failed(&self.path, "cannot be replaced", &error)
        })?;
        flush_directory(&self.path)
    }
}

/// The wait for a lock that another process has.
struct Waiting {
    patience: Duration,
    since: Option<Instant>,
}

impl Waiting {
    /// Waits for a moment. The first time, a line says so.
    ///
    /// # Errors
    ///
    /// It has been too long.
    fn wait(&mut self, path: &Path) -> Outcome<()> {
        let (path, seconds) = (path.display(), self.patience.as_secs());
        let since = *self.since.get_or_insert_with(|| {
            warn(format_args!(
                "{path} is locked by another process: waiting for it, {seconds} seconds at most"
            ));
            Instant::now()
        });
        if since.elapsed() >= self.patience {
            let words = format!(
                "{path} has been locked by another process for {seconds} seconds: end that one \
                 ('fuser {path}' finds it), and run this again"
            );
            return Err(Failure::new(Kind::File, words));
        }
        thread::sleep(BETWEEN_TRIES);
        Ok(())
    }
}

/// Gives a file the access control list of another one, or takes its own away, which its
/// directory may have given it. A mode alone would say something else: with a list, the rights
/// of the group are the most that the list gives.
fn copy_access_list(from: &File, to: &File) -> io::Result<()> {
    let mut list = [0; MAX_ACCESS_LIST];
    let copied = match fgetxattr(from, ACCESS_LIST, &mut list) {
        Ok(length) => {
            let list = list.get(..length).unwrap_or_default();
            fsetxattr(to, ACCESS_LIST, list, XattrFlags::empty())
        }
        Err(Errno::NODATA) => fremovexattr(to, ACCESS_LIST),
        Err(error) => Err(error),
    };
    match copied {
        // There is none, or the file system knows none.
        Err(Errno::NODATA | Errno::NOTSUP) => Ok(()),
        copied => Ok(copied?),
    }
}

/// Makes a file that only its owner may read, whatever the umask. A file that is there
/// stays as it is; `otherwise` is what to do then.
///
/// # Errors
///
/// There is one, or a step fails.
pub(crate) fn create(path: &Path, content: &[u8], otherwise: &str) -> Outcome<()> {
    let linked = match create_unnamed(path, content) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => create_named(path, content)?,
        linked => linked,
    };
    linked.map_err(|error| {
        if error.kind() == io::ErrorKind::AlreadyExists {
            let path = path.display();
            let words = format!("{path} is there already, and stays as it is: {otherwise}");
            return Failure::new(Kind::File, words);
        }
        cannot_be_made(path, &error)
    })?;
    flush_directory(path)
}

/// Makes a file that has no name before it has its content, so that a process that is
/// killed leaves nothing. Some file systems have no such files (open(2), `O_TMPFILE`).
fn create_unnamed(path: &Path, content: &[u8]) -> io::Result<()> {
    let flags = OFlags::TMPFILE | OFlags::WRONLY | OFlags::CLOEXEC;
    let file = rustix::fs::open(directory(path), flags, Mode::RUSR | Mode::WUSR)?;
    let mut file = File::from(file);
    write_whole(&mut file, content, make_own)?;
    let unnamed = format!("/proc/self/fd/{}", file.as_raw_fd());
    linkat(CWD, unnamed, CWD, path, AtFlags::SYMLINK_FOLLOW)?;
    Ok(())
}

/// Makes a file that has another name first. The outer error is one before the file gets its
/// own name.
fn create_named(path: &Path, content: &[u8]) -> Outcome<io::Result<()>> {
    let beside = unused_name(path)?;
    // A file with this name is another's, and stays.
    write_new(&beside, content, make_own).map_err(|error| {
        if error.kind() != io::ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&beside);
        }
        cannot_be_made(path, &error)
    })?;
    // A link never takes the place of a file, as a rename would.
    let linked = fs::hard_link(&beside, path);
    let _ = fs::remove_file(&beside);
    Ok(linked)
}

fn make_own(file: &File) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(OWN))
}

fn cannot_be_made(path: &Path, error: &io::Error) -> Failure {
    failed(path, "cannot be made", error)
}

/// A name beside a file that no other process takes. Numbers of processes would not do:
/// containers have the same ones.
fn unused_name(path: &Path) -> Outcome<PathBuf> {
    let mut random = [0; 9];
    OpenSslRandom
        .fill(&mut random)
        .map_err(|error| Failure::new(Kind::Library, error.to_string()))?;
    let random = URL_SAFE_NO_PAD.encode_to_string(random);
    let mut beside = path.as_os_str().to_owned();
    beside.push(format!(".{random}{BESIDE}"));
    Ok(PathBuf::from(beside))
}

/// Writes a new file to the disk; `finish` sets its owner and permissions before it has
/// any content.
fn write_new(
    path: &Path,
    content: &[u8],
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(OWN)
        .open(path)?;
    write_whole(&mut file, content, finish)
}

fn write_whole(
    file: &mut File,
    content: &[u8],
    finish: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    finish(file)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Has the disk know the names in the directory of a file.
fn flush_directory(path: &Path) -> Outcome<()> {
    let parent = directory(path);
    let flushed = File::open(parent).and_then(|directory| directory.sync_all());
    flushed.map_err(|error| failed(parent, "cannot be flushed", &error))
}

/// The directory of a file.
fn directory(path: &Path) -> &Path {
    let parent = path.parent().filter(|parent| *parent != Path::new(""));
    parent.unwrap_or(Path::new("."))
}

fn failed(path: &Path, what: &str, error: &io::Error) -> Failure {
    let (path, words) = (path.display(), without_number(error));
    Failure::new(Kind::File, format!("{path} {what}: {words}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_stays_locked_is_given_up() {
        let name = format!("htsession-locked-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        let file = File::create(&path).unwrap();
        flock(&file, FlockOperation::LockExclusive).unwrap();
        let failure = Locked::open_within(&path, Duration::ZERO).map(drop);
        fs::remove_file(&path).unwrap();
        let failure = failure.unwrap_err();
        assert_eq!(failure.status(), 4);
        let words = failure.message().unwrap();
        assert!(words.contains("locked by another process"), "{words}");
    }
}
