//! The JWK Set of a file.

use std::path::Path;

use session_crypto_core::{KeySet, KeySetError};

use crate::failure::{Failure, Kind, Outcome};
use crate::files::read::content;

/// Reads a set.
///
/// # Errors
///
/// The file cannot be read, or is no set that a server takes.
pub(crate) fn read(path: &Path) -> Outcome<KeySet> {
    // One byte more, so that a longer set is known as such.
    let content = content(path, KeySet::MAX_TEXT.saturating_add(1))?;
    content.warn_of_exposure(path);
    KeySet::parse(&content.bytes).map_err(|error| {
        let words = format!("{} {error}{}", path.display(), cure(&error));
        Failure::new(Kind::Secrets, words)
    })
}

/// The cure for what is no set at all. Other errors name the member that is wrong.
fn cure(error: &KeySetError) -> &'static str {
    match error {
        KeySetError::Empty
        | KeySetError::NotJson { .. }
        | KeySetError::NotASet
        | KeySetError::NoKeys => ": name a file that 'htsession key -o FILE' has made",
        _ => "",
    }
}
