//! The notes on a session record, in the record's pool.

use std::cell::Cell;
use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::NonNull;

use super::bindings::{apr_table_t, apr_time_t, request_rec, session_rec};
use super::pool::Pool;
use super::tables::Table;

/// The notes on a record, in the record's pool: they go with the record, so that
/// another record at the same address has none.
///
/// `K` tells realms apart, and `N` is the module's own note on the contents of each.
pub(super) struct Notes<K, N> {
    /// The record that these notes are on; a pool may have several records.
    pub(super) record: NonNull<session_rec>,
    pub(super) next: Option<NonNull<Self>>,
    /// The token that the request brought, or NULL.
    pub(super) brought: *const c_char,
    /// The encoded form that our encode hook left in the record, or NULL.
    pub(super) encoded: *const c_char,
    /// The realm whose contents are in the record; `None` while nothing but the settings
    /// at `section` tells.
    pub(super) current: Option<K>,
    /// The address of settings that are of this realm; NULL if they may go before the
    /// record does, and other settings come to be where they were.
    pub(super) section: *const c_void,
    /// The text of a token came into the record, and the module has not taken note of
    /// what mod_session reads there.
    pub(super) is_opened: Cell<bool>,
    /// The request that the module has last told of the session, or NULL.
    pub(super) told: Cell<*const request_rec>,
    /// About the contents in the record.
    pub(super) about: About<N>,
    pub(super) parked: Option<NonNull<Parked<K, N>>>,
}

/// The facts about the contents of a realm.
#[derive(Clone, Copy, Default)]
pub(super) struct About<N> {
    /// The token may be good, though the record has none of its entries.
    pub(super) is_withheld: bool,
    /// The module's own note.
    pub(super) note: N,
}

/// The contents of a realm that is not asking.
pub(super) struct Parked<K, N> {
    pub(super) realm: K,
    pub(super) contents: Contents,
    pub(super) about: About<N>,
    pub(super) next: Option<NonNull<Self>>,
}

/// The fields of a record that differ between realms.
#[derive(Clone, Copy)]
pub(super) struct Contents {
    entries: *mut apr_table_t,
    expiry: apr_time_t,
    maxage: c_long,
    dirty: c_int,
    /// They have been saved; mod_session saves a record once.
    written: c_int,
}

impl Contents {
    pub(super) fn of(record: &session_rec) -> Self {
        Self {
            entries: record.entries,
            expiry: record.expiry,
            maxage: record.maxage,
            dirty: record.dirty,
            written: record.written,
        }
    }

    pub(super) fn empty(pool: Pool<'_>) -> Self {
        Self {
            entries: Table::new(pool).as_ptr(),
            expiry: 0,
            maxage: 0,
            dirty: 0,
            written: 0,
        }
    }

    pub(super) fn put_into(&self, record: &mut session_rec) {
        record.entries = self.entries;
        record.expiry = self.expiry;
        record.maxage = self.maxage;
        record.dirty = self.dirty;
        record.written = self.written;
    }
}

/// Looks for the contents of a realm in a list.
pub(super) fn find_parked<K: PartialEq, N>(
    mut next: Option<NonNull<Parked<K, N>>>,
    realm: K,
) -> Option<NonNull<Parked<K, N>>> {
    while let Some(parked) = next {
        // SAFETY: parked contents in the list of a record's notes, whose pool is
        // live.
        let found = unsafe { parked.as_ref() };
        if found.realm == realm {
            return Some(parked);
        }
        next = found.next;
    }
    None
}
