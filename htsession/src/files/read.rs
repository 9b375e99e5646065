//! A file or standard input, read whole.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use session_crypto_core::Exposure;
use zeroize::Zeroizing;

use crate::arguments::is_stream;
use crate::failure::{Failure, Kind, Outcome, warn, without_number};

/// The content of a file or a stream, wiped when it is dropped.
pub(crate) struct Content {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    /// The permissions; of a stream, those of its owner alone.
    pub(crate) mode: u32,
}

impl Content {
    /// Warns if others than the owner of the file may read or write it.
    pub(crate) fn warn_of_exposure(&self, path: &Path) {
        let Some(exposure) = Exposure::of(self.mode) else {
            return;
        };
        let right = match exposure {
            Exposure::Readable => "o-rwx",
            Exposure::Writable => "go-w",
        };
        let path = path.display();
        warn(format_args!(
            "{path} {exposure}: take that right away with 'chmod {right}'"
        ));
    }
}

/// The permissions that a stream counts as.
const OWN: u32 = 0o600;

/// Reads a file, a pipe, or for `-` standard input.
///
/// # Errors
///
/// It cannot be read, or has more than `most` bytes.
pub(crate) fn content(path: &Path, most: usize) -> Outcome<Content> {
    if is_stream(path) {
        let bytes = stdin(most)?;
        return Ok(Content { bytes, mode: OWN });
    }
    let unreadable = |error: io::Error| {
        let (path, words) = (path.display(), without_number(&error));
        Failure::new(Kind::File, format!("{path} cannot be read: {words}"))
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = if metadata.is_file() {
        metadata.mode()
    } else {
        OWN
    };
    let bytes = all(file, most).map_err(unreadable)?;
    let bytes = bytes.ok_or_else(|| {
        let path = path.display();
        Failure::new(Kind::Secrets, format!("{path} is larger than {most} bytes"))
    })?;
    Ok(Content { bytes, mode })
}

/// Reads standard input.
///
/// # Errors
///
/// It cannot be read, or has more than `most` bytes.
pub(crate) fn stdin(most: usize) -> Outcome<Zeroizing<Vec<u8>>> {
    let bytes = all(io::stdin().lock(), most).map_err(|error| {
        let words = without_number(&error);
        Failure::new(
            Kind::File,
            format!("standard input cannot be read: {words}"),
        )
    })?;
    bytes.ok_or_else(|| {
        Failure::new(
            Kind::File,
            format!("standard input has more than {most} bytes"),
        )
    })
}

/// Reads to the end; `None` if there are more than `most` bytes.
fn all(source: impl Read, most: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    // A vector that grows leaves a copy behind, so it has all its room at once.
    let mut bytes = Zeroizing::new(Vec::with_capacity(most.saturating_add(1)));
    let limit = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    source.take(limit).read_to_end(&mut bytes)?;
    Ok((bytes.len() <= most).then_some(bytes))
}
