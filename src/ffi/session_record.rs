//! A session record of mod_session's (mod_session.h, session_rec), before it is known
//! whether a hook has anything to do with it.

use std::ffi::CStr;

use super::bindings::{self, session_rec};
use super::tables::Table;

/// The entry that mod_session itself makes (mod_session.c, SESSION_EXPIRY).
const EXPIRY: &CStr = c"expiry";

/// Whether a session has an expiry that is over.
///
/// # Safety
///
/// NULL, or a session that nobody changes meanwhile.
pub(super) unsafe fn has_expired(raw: *const session_rec) -> bool {
    // SAFETY: the caller promises NULL, or a session.
    let Some(record) = (unsafe { raw.as_ref() }) else {
        return false;
    };
    // SAFETY: the call takes no arguments (apr_time.h).
    record.expiry != 0 && record.expiry < unsafe { bindings::apr_time_now() }
}

/// Whether a session has been changed in this request.
///
/// # Safety
///
/// NULL, or a session that nobody changes meanwhile.
pub(super) unsafe fn is_dirty(raw: *const session_rec) -> bool {
    // SAFETY: the caller promises NULL, or a session.
    unsafe { raw.as_ref() }.is_some_and(|record| record.dirty != 0)
}

/// Whether there is an encoded form in a session.
///
/// # Safety
///
/// NULL, or a session that nobody changes meanwhile.
pub(super) unsafe fn has_encoded(raw: *const session_rec) -> bool {
    // SAFETY: the caller promises NULL, or a session.
    let encoded = unsafe { raw.as_ref() }.map(|record| record.encoded);
    // SAFETY: NULL, or a C string, which has a first byte.
    let first = encoded.and_then(|encoded| unsafe { encoded.as_ref() });
    first.is_some_and(|first| *first != 0)
}

/// Whether a session has an entry of this name.
///
/// # Safety
///
/// NULL, or a session that nobody changes meanwhile.
pub(super) unsafe fn has_entry(raw: *const session_rec, name: &CStr) -> bool {
    // SAFETY: the caller promises NULL, or a session.
    let entries = unsafe { raw.as_ref() }.map(|record| record.entries);
    // SAFETY: NULL, or the table of a session that nobody changes meanwhile.
    let entries = entries.and_then(|entries| unsafe { Table::from_raw(entries) });
    entries.is_some_and(|entries| entries.has(name))
}

/// Whether a session has no entry but the expiry, which mod_session itself makes.
pub(crate) fn has_no_content(entries: &Table<'_>) -> bool {
    let mut entries = entries.entries();
    entries.all(|(name, _)| name.to_bytes().eq_ignore_ascii_case(EXPIRY.to_bytes()))
}
