//! The JWK Set of a file.

use std::path::Path;

use session_crypto_core::KeySet;

use crate::failure::{Failure, Kind, Outcome, warn};
use crate::files::read::{Content, content};

/// More than the bytes of the largest set, which core knows.
const MOST: usize = 128 * 1024;

/// Reads a set.
///
/// # Errors
///
/// The file cannot be read, or is no set that a server takes.
pub(crate) fn read(path: &Path) -> Outcome<KeySet> {
    parse(path, &content(path, MOST)?)
}

/// Reads a set from the content of a file, and warns if others may read the file.
fn parse(path: &Path, content: &Content) -> Outcome<KeySet> {
    if content.mode & 0o004 != 0 {
        let path = path.display();
        warn(format_args!(
            "{path} may be read by every user of this host: take that right away with 'chmod o-rwx'"
        ));
    }
    KeySet::parse(&content.bytes)
        .map_err(|error| Failure::new(Kind::Secrets, format!("{} {error}", path.display())))
}
