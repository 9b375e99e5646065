//! The entry that this module keeps in a session, between the text that is sealed and the
//! note on the session.
//!
//! mod_session does not see the entry where this module has written it. It does where
//! another writer has, or a server that encrypts nothing: then it is among the session's
//! own entries.

use std::ffi::CStr;

use session_crypto_core::{LibraryError, SessionEntry, Text};

use super::life::Session;
use crate::ffi::Pool;

/// Takes the entry off the end of the text of a token, and returns the rest and the entry.
pub(super) fn split_off<'r>(
    session: &Session<'r>,
    text: Text<'r>,
) -> Option<(Text<'r>, SessionEntry)> {
    let (rest, entry) = SessionEntry::split_off(text.to_bytes())?;
    Some((session.pool().copy_text(rest)?, entry))
}

/// The text of a session as it is sealed, with its entry behind the others.
#[inline(never)]
pub(super) fn behind<'r>(
    text: &CStr,
    entry: &SessionEntry,
    pool: Pool<'r>,
) -> Result<&'r [u8], LibraryError> {
    Ok(entry.append_to(text.to_bytes(), &pool)?.to_bytes())
}

/// Takes the entry out of those of a session, and returns it if it is well-formed.
pub(super) fn take(session: &mut Session<'_>) -> Option<SessionEntry> {
    let mut entries = session.entries()?;
    let value = entries.get(SessionEntry::KEY)?;
    let entry = SessionEntry::parse(value.to_bytes());
    entries.remove(SessionEntry::KEY);
    entry
}

/// Removes the entry from those of a session, without a look at it.
pub(super) fn remove(session: &mut Session<'_>) {
    if let Some(mut entries) = session.entries() {
        entries.remove(SessionEntry::KEY);
    }
}
