//! A session that mod_session hands to its hooks, and what is remembered with
//! it.
//!
//! mod_session_cookie keeps one `session_rec` for a chain of internal redirects
//! and subrequests. Requests of several realms may ask for it in turn, so a
//! record has contents for each: those of the realm that asks are in the record,
//! the others are parked beside it.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_int, c_long, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::bindings::{self, apr_table_t, apr_time_t, session_rec};
use super::pool::Pool;
use super::request::Request;
use super::tables::Table;

/// A session that lives for the request, `'r` (mod_session.h, session_rec).
///
/// `K` tells realms apart.
pub(crate) struct Session<'r, K> {
    raw: NonNull<session_rec>,
    pool: Pool<'r>,
    /// Whether what the request's own pool has lives as long as the record.
    shares_pool: bool,
    /// The result of [`Session::find_memory`], once it is needed.
    memory: Cell<Option<Option<NonNull<Memory<K>>>>>,
    lifetime: PhantomData<&'r mut session_rec>,
}

/// The notes on a record, in its own pool: they go with the record, so that another
/// one at the same address finds none.
struct Memory<K> {
    /// The record that this belongs to; there may be several in a pool.
    record: NonNull<session_rec>,
    next: Option<NonNull<Self>>,
    /// The token that the request brought, or NULL.
    brought: *const c_char,
    /// The text that our encode hook left in the record, or NULL.
    encoded: *const c_char,
    /// The realm whose contents are in the record.
    current: K,
    /// The record has less than the token.
    is_withheld: bool,
    parked: Option<NonNull<Parked<K>>>,
}

/// The contents of a realm that is not asking.
struct Parked<K> {
    realm: K,
    contents: Contents,
    is_withheld: bool,
    next: Option<NonNull<Self>>,
}

/// Everything of a record that differs between realms.
#[derive(Clone, Copy)]
struct Contents {
    entries: *mut apr_table_t,
    expiry: apr_time_t,
    maxage: c_long,
    dirty: c_int,
    /// They have been saved, which mod_session does once.
    written: c_int,
}

/// Among the userdata of a pool. Short, because each look-up hashes it.
const KEY: &CStr = c"mscr";

/// The entry that mod_session itself makes (mod_session.c, SESSION_EXPIRY).
const EXPIRY: &CStr = c"expiry";

impl<'r, K: Copy + PartialEq + 'static> Session<'r, K> {
    /// Makes a view of a session, or `None` of NULL.
    ///
    /// # Safety
    ///
    /// The session must live for `'r` and nobody else use it meanwhile, as
    /// mod_session sees to while its hooks run. Every view of it has the same `K`.
    pub(super) unsafe fn from_raw(raw: *mut session_rec, request: Request<'r>) -> Option<Self> {
        let raw = NonNull::new(raw)?;
        // SAFETY: the caller vouches for the session.
        let pool = unsafe { raw.as_ref() }.pool;
        // SAFETY: its pool lives as long as it does.
        let pool = unsafe { Pool::from_raw(pool) }?;
        Some(Self {
            raw,
            pool,
            shares_pool: request.is_in_pool(pool),
            memory: Cell::new(None),
            lifetime: PhantomData,
        })
    }

    /// The session's own pool. The session of a subrequest is that of its
    /// main request, and outlives the subrequest's pool.
    pub(crate) fn pool(&self) -> Pool<'r> {
        self.pool
    }

    /// Puts the contents of a realm into the record, and parks those of the
    /// realm that asked before. The first time that a realm asks, its contents
    /// are empty, and [`Session::encoded`] is the token that the request brought.
    pub(crate) fn enter(&mut self, realm: K) {
        let Some(memory) = self.memory() else {
            self.begin(realm);
            return;
        };
        if memory.current == realm {
            // A token that our own encode hook has left there is not to be opened.
            let own = memory.encoded;
            // SAFETY: the session is live and ours.
            let record = unsafe { self.raw.as_mut() };
            if !own.is_null() && record.encoded == own {
                record.encoded = ptr::null();
            }
            return;
        }
        self.park();
        self.bring_in(realm);
    }

    /// Whether the record has the contents of this realm. A record that no hook
    /// of ours has read yet belongs to the request that made it.
    pub(crate) fn is_in(&self, realm: K) -> bool {
        self.memory().is_none_or(|memory| memory.current == realm)
    }

    /// The session as the last hook encoded it; `None` if it has left none.
    pub(crate) fn encoded(&self) -> Option<&'r CStr> {
        // SAFETY: the session is live.
        let encoded = unsafe { self.raw.as_ref() }.encoded;
        if encoded.is_null() {
            return None;
        }
        // SAFETY: a C string that lives as long as the session.
        let encoded = unsafe { CStr::from_ptr(encoded) };
        (!encoded.is_empty()).then_some(encoded)
    }

    /// Hands mod_session the text of the session, which it reads next.
    pub(crate) fn set_text(&mut self, text: &'r CStr) {
        // SAFETY: the session is live and ours.
        unsafe { self.raw.as_mut() }.encoded = text.as_ptr();
    }

    /// Hands the store the token of the session.
    pub(crate) fn set_token(&mut self, token: &'r CStr) {
        self.set_text(token);
        self.mark_encoded();
    }

    /// Notes that the encoded form in the record is one that is about to be
    /// saved, and no token to open.
    pub(crate) fn mark_encoded(&mut self) {
        // SAFETY: the session is live.
        let encoded = unsafe { self.raw.as_ref() }.encoded;
        if let Some(memory) = self.memory_mut() {
            memory.encoded = encoded;
        }
    }

    /// Takes the encoded form out: mod_session has nothing to read, and the
    /// store nothing to keep.
    pub(crate) fn clear_encoded(&mut self) {
        // SAFETY: the session is live and ours.
        unsafe { self.raw.as_mut() }.encoded = ptr::null();
    }

    /// Whether the session is found by an id of its own, in a database: to
    /// mark it dirty gives it another (mod_session_dbd.c, session_dbd_save).
    pub(crate) fn has_id(&self) -> bool {
        // SAFETY: the session is live.
        !unsafe { self.raw.as_ref() }.uuid.is_null()
    }

    /// Has mod_session save the session though nobody changed it.
    pub(crate) fn mark_dirty(&mut self) {
        // SAFETY: the session is live and ours.
        unsafe { self.raw.as_mut() }.dirty = 1;
    }

    /// Notes that the token in the request may be good, and that an empty
    /// session in its place is not to replace it.
    pub(crate) fn withhold(&mut self) {
        if let Some(memory) = self.memory_mut() {
            memory.is_withheld = true;
        }
    }

    /// Whether saving this session would replace a token that may be good by a
    /// session that nobody has written to.
    pub(crate) fn is_withheld(&self) -> bool {
        self.memory().is_some_and(|memory| memory.is_withheld) && self.is_untouched()
    }

    /// Whether the time of its expiry, if it has one, is over.
    pub(crate) fn has_expired(&self) -> bool {
        // SAFETY: the session is live.
        let expiry = unsafe { self.raw.as_ref() }.expiry;
        // SAFETY: a query without arguments.
        expiry != 0 && expiry < unsafe { bindings::apr_time_now() }
    }

    /// Makes the session an empty one that can be written.
    pub(crate) fn empty(&mut self) {
        // SAFETY: the session is live and ours.
        let record = unsafe { self.raw.as_mut() };
        record.encoded = ptr::null();
        record.expiry = 0;
        record.dirty = 0;
        // SAFETY: the table of the record.
        if let Some(mut entries) = unsafe { Table::from_raw(record.entries) } {
            entries.clear();
        }
    }

    /// Makes the session an empty one of this realm that does not replace the
    /// token, whatever stands in the record.
    pub(super) fn give_up(&mut self, realm: K) {
        if self.memory().is_none() {
            self.begin(realm);
        }
        let entries = Table::new(self.pool).as_ptr();
        if let Some(memory) = self.memory_mut() {
            memory.current = realm;
            memory.is_withheld = true;
        }
        // SAFETY: the session is live and ours.
        unsafe { self.raw.as_mut() }.entries = entries;
        self.empty();
    }

    /// Whether nobody has written to the session, nor is there anything in it
    /// but the time of its expiry.
    fn is_untouched(&self) -> bool {
        // SAFETY: the session is live.
        let record = unsafe { self.raw.as_ref() };
        // SAFETY: the table of the record.
        let entries = unsafe { Table::from_raw(record.entries) };
        let is_empty = entries.is_none_or(|entries| {
            let mut entries = entries.entries();
            entries.all(|(name, _)| name.to_bytes().eq_ignore_ascii_case(EXPIRY.to_bytes()))
        });
        record.dirty == 0 && is_empty
    }

    fn memory(&self) -> Option<&Memory<K>> {
        // SAFETY: made by `begin`, in the record's pool, and reached by this one
        // view of the record only.
        self.known_memory().map(|memory| unsafe { memory.as_ref() })
    }

    fn memory_mut(&mut self) -> Option<&mut Memory<K>> {
        // SAFETY: as in `memory`.
        self.known_memory()
            .map(|mut memory| unsafe { memory.as_mut() })
    }

    fn known_memory(&self) -> Option<NonNull<Memory<K>>> {
        self.memory.get().unwrap_or_else(|| {
            let found = self.find_memory();
            self.memory.set(Some(found));
            found
        })
    }

    /// The memory of this record, of those that its pool has.
    fn find_memory(&self) -> Option<NonNull<Memory<K>>> {
        let mut next = self.first_memory();
        while let Some(memory) = next {
            // SAFETY: a memory of the pool's list, which lives as long as it.
            let memory_of = unsafe { memory.as_ref() };
            if memory_of.record == self.raw {
                return Some(memory);
            }
            next = memory_of.next;
        }
        None
    }

    fn first_memory(&self) -> Option<NonNull<Memory<K>>> {
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: the pool is live; the call writes what `begin` set, or NULL.
        unsafe {
            bindings::apr_pool_userdata_get(&raw mut data, KEY.as_ptr(), self.pool.as_ptr());
        }
        NonNull::new(data.cast())
    }

    /// Begins to remember, with the token that the request has brought.
    fn begin(&mut self, realm: K) {
        // The token of a subrequest is in a pool that goes before the record's.
        let brought = self.encoded().map(|token| match self.shares_pool {
            true => token,
            false => self.pool.copy(token),
        });
        let memory = self.pool.place_raw(Memory {
            record: self.raw,
            next: self.first_memory(),
            brought: brought.map_or(ptr::null(), CStr::as_ptr),
            encoded: ptr::null(),
            current: realm,
            is_withheld: false,
            parked: None,
        });
        // SAFETY: a constant key, and data of the pool's own; there is no cleanup
        // to run (apr_pools.h).
        unsafe {
            bindings::apr_pool_userdata_setn(
                memory.as_ptr().cast(),
                KEY.as_ptr(),
                None,
                self.pool.as_ptr(),
            );
        }
        self.memory.set(Some(Some(memory)));
    }

    /// Takes the contents out of the record, for the realm that they belong to.
    fn park(&mut self) {
        // SAFETY: the session is live.
        let record = unsafe { self.raw.as_ref() };
        let contents = Contents {
            entries: record.entries,
            expiry: record.expiry,
            maxage: record.maxage,
            dirty: record.dirty,
            written: record.written,
        };
        let pool = self.pool;
        let Some(memory) = self.memory_mut() else {
            return;
        };
        let (realm, is_withheld) = (memory.current, memory.is_withheld);
        match find_parked(memory.parked, realm) {
            Some(mut parked) => {
                // SAFETY: of the memory's own list, in the same pool.
                let parked = unsafe { parked.as_mut() };
                parked.contents = contents;
                parked.is_withheld = is_withheld;
            }
            None => {
                memory.parked = Some(pool.place_raw(Parked {
                    realm,
                    contents,
                    is_withheld,
                    next: memory.parked,
                }));
            }
        }
    }

    /// Puts the contents of a realm into the record.
    fn bring_in(&mut self, realm: K) {
        let pool = self.pool;
        let Some(memory) = self.memory_mut() else {
            return;
        };
        memory.current = realm;
        let (contents, encoded) = match find_parked(memory.parked, realm) {
            Some(parked) => {
                // SAFETY: of the memory's own list, in the same pool.
                let parked = unsafe { parked.as_ref() };
                memory.is_withheld = parked.is_withheld;
                (parked.contents, ptr::null())
            }
            None => {
                memory.is_withheld = false;
                let contents = Contents {
                    entries: Table::new(pool).as_ptr(),
                    expiry: 0,
                    maxage: 0,
                    dirty: 0,
                    written: 0,
                };
                (contents, memory.brought)
            }
        };
        // SAFETY: the session is live and ours.
        let record = unsafe { self.raw.as_mut() };
        record.entries = contents.entries;
        record.expiry = contents.expiry;
        record.maxage = contents.maxage;
        record.dirty = contents.dirty;
        record.written = contents.written;
        record.encoded = encoded;
    }
}

fn find_parked<K: PartialEq>(
    mut next: Option<NonNull<Parked<K>>>,
    realm: K,
) -> Option<NonNull<Parked<K>>> {
    while let Some(parked) = next {
        // SAFETY: of the list of a memory, whose pool is live.
        let found = unsafe { parked.as_ref() };
        if found.realm == realm {
            return Some(parked);
        }
        next = found.next;
    }
    None
}
