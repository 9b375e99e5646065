//! A session that mod_session hands to its hooks, and our notes on it.
//!
//! mod_session_cookie keeps one session record (`session_rec`) for a chain of
//! internal redirects and subrequests. Requests of several realms may ask for it
//! in turn, so there are contents for each realm: those of the realm that asks
//! are in the record, the others are parked beside it.

use std::cell::Cell;
use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use session_crypto_core::Text;

use super::bindings::{self, session_rec};
use super::pool::Pool;
use super::request::Request;
use super::session_notes::{About, Contents, Notes, Parked, find_parked};
use super::session_record::{self, has_no_content};
use super::tables::Table;

/// A session that lives for the request, `'r` (mod_session.h, session_rec).
///
/// `K` tells realms apart, and `N` is the module's own note on the contents of a realm. Every function below relies on `Session::from_raw`,
/// which demands that the record lives and that only this view uses it.
pub(crate) struct Session<'r, K, N> {
    raw: NonNull<session_rec>,
    pool: Pool<'r>,
    /// Whether the record is in the request's own pool.
    shares_pool: bool,
    /// The address of the settings of the section that asks, or NULL.
    section: *const c_void,
    /// Finds the realm of settings by their address.
    realm_of: RealmOf<K>,
    /// The slot for the first notes of the pool; without one they are among the pool's
    /// userdata, for which APR makes a hash table.
    slot: Option<&'r Cell<*mut c_void>>,
    /// The result of [`Session::find_notes`], once it is needed.
    notes: Cell<Option<Found<K, N>>>,
    lifetime: PhantomData<&'r mut session_rec>,
}

/// The notes on a record, if it has any.
type Found<K, N> = Option<NonNull<Notes<K, N>>>;

/// The key of the notes among the userdata of a pool. It is short, because each
/// look-up hashes it.
const KEY: &CStr = c"mscr";

/// A function that finds the realm of a section by the address of its settings, which must
/// live, or NULL.
pub(super) type RealmOf<K> = unsafe fn(*const c_void) -> K;

impl<'r, K: Copy + PartialEq + 'static, N: Copy + Default + 'static> Session<'r, K, N> {
    /// Makes a view of a session; `None` for NULL. `section` is the address of the
    /// settings of the request's section, and `slot` finds the slot for the first notes on
    /// the sessions of a pool.
    ///
    /// # Safety
    ///
    /// The session must live for `'r`, and not be used through anything else while
    /// this view is, as mod_session sees to while its hooks run. Every view of it
    /// has the same `K`, `N` and `realm_of`. The settings at `section` live as long as the
    /// request's pool.
    pub(super) unsafe fn from_raw(
        raw: *mut session_rec,
        request: Request<'r>,
        (section, realm_of): (*const c_void, RealmOf<K>),
        slot: impl FnOnce(Pool<'r>) -> Option<&'r Cell<*mut c_void>>,
    ) -> Option<Self> {
        let raw = NonNull::new(raw)?;
        // SAFETY: not NULL, so a session, as the caller promises.
        let pool = unsafe { raw.as_ref() }.pool;
        // SAFETY: mod_session makes a session in its pool, which lives as long.
        let pool = unsafe { Pool::from_raw(pool) }?;
        let shares_pool = request.is_in_pool(pool);
        Some(Self {
            raw,
            pool,
            shares_pool,
            section,
            realm_of,
            slot: slot(pool),
            notes: Cell::new(None),
            lifetime: PhantomData,
        })
    }

    /// The session's own pool. A subrequest shares the session of its main request,
    /// which outlives the subrequest's pool.
    pub(crate) fn pool(&self) -> Pool<'r> {
        self.pool
    }

    /// Puts the contents of a realm into the record, and parks those of the realm
    /// that asked before.
    ///
    /// When a realm asks for the first time, its contents are empty, and
    /// [`Session::encoded`] is the token that the request brought.
    pub(crate) fn enter(&mut self) {
        let Some(notes) = self.notes() else {
            self.begin();
            return;
        };
        if self.is_realm_of(notes) {
            // The token that our own encode hook has left there must not be opened.
            let own = notes.encoded;
            // SAFETY: the record lives, and only this view uses it.
            let record = unsafe { self.raw.as_mut() };
            if !own.is_null() && record.encoded == own {
                record.encoded = ptr::null();
            }
            return;
        }
        self.change_realm();
    }

    #[cold]
    fn change_realm(&mut self) {
        self.park();
        self.bring_in(self.realm());
    }

    /// Whether the record has the contents of the realm that asks. A record that our
    /// hooks have not read yet belongs to the request that made it.
    pub(crate) fn is_entered(&self) -> bool {
        self.notes().is_none_or(|notes| self.is_realm_of(notes))
    }

    fn is_realm_of(&self, notes: &Notes<K, N>) -> bool {
        self.is_section_of(notes) || self.current(notes) == self.realm()
    }

    /// Whether the section that asks is the one whose realm the notes have.
    fn is_section_of(&self, notes: &Notes<K, N>) -> bool {
        let section = self.lasting_section();
        !section.is_null() && ptr::eq(section, notes.section)
    }

    /// The section that asks; NULL if its settings may go before the record does.
    fn lasting_section(&self) -> *const c_void {
        if self.shares_pool {
            self.section
        } else {
            ptr::null()
        }
    }

    /// The realm that asks.
    #[cold]
    fn realm(&self) -> K {
        // SAFETY: the settings of a section of the request, as `from_raw` demands.
        unsafe { (self.realm_of)(self.section) }
    }

    /// The realm whose contents are in the record.
    #[cold]
    fn current(&self, notes: &Notes<K, N>) -> K {
        // SAFETY: without a realm, the notes have the address of settings that live as
        // long as the record (`begin`).
        let realm = || unsafe { (self.realm_of)(notes.section) };
        notes.current.unwrap_or_else(realm)
    }

    /// Whether the decode hook has nothing to do: there is no token, and the record has
    /// the contents of the realm that asks.
    pub(super) fn is_read(&self) -> bool {
        // SAFETY: the record lives, and only this view uses it.
        let has_token = unsafe { session_record::has_encoded(self.raw.as_ptr()) };
        !has_token && self.notes().is_some_and(|notes| self.is_section_of(notes))
    }

    /// The encoded form in the record: the token, or the text that the hook before
    /// ours made of the session. `None` if there is none.
    pub(crate) fn encoded(&self) -> Option<&'r CStr> {
        // SAFETY: the record lives, and only this view uses it.
        let encoded = unsafe { self.raw.as_ref() }.encoded;
        if encoded.is_null() {
            return None;
        }
        // SAFETY: not NULL, so a C string that lives as long as the session
        // (mod_session.h).
        let encoded = unsafe { CStr::from_ptr(encoded) };
        (!encoded.is_empty()).then_some(encoded)
    }

    /// Hands mod_session the text of the session, to be read next.
    pub(crate) fn set_text(&mut self, text: Text<'r>) {
        // With its NUL, it is a C string that lives as long as the session.
        let text = text.to_bytes_with_nul().as_ptr().cast();
        // SAFETY: the record lives, and only this view uses it.
        unsafe { self.raw.as_mut() }.encoded = text;
    }

    /// The entries that mod_session has read, and others have changed.
    pub(crate) fn entries(&mut self) -> Option<Table<'_>> {
        // SAFETY: the record lives, and only this view uses it.
        let entries = unsafe { self.raw.as_ref() }.entries;
        // SAFETY: NULL, or the record's table, which no other view is of while this
        // one is borrowed.
        unsafe { Table::from_raw(entries) }
    }

    /// Hands the token of the session to the store.
    pub(crate) fn set_token(&mut self, token: Text<'r>) {
        self.set_text(token);
        self.mark_encoded();
    }

    /// Notes that the encoded form in the record is about to be saved, and is no
    /// token to open.
    pub(crate) fn mark_encoded(&mut self) {
        // SAFETY: the record lives, and only this view uses it.
        let encoded = unsafe { self.raw.as_ref() }.encoded;
        if let Some(notes) = self.notes_mut() {
            notes.encoded = encoded;
        }
    }

    /// Removes the encoded form, so that mod_session has nothing to read, and the
    /// store nothing to keep.
    pub(crate) fn clear_encoded(&mut self) {
        // SAFETY: the record lives, and only this view uses it.
        unsafe { self.raw.as_mut() }.encoded = ptr::null();
    }

    /// Whether the session has an id of its own, in a database. A session that is
    /// marked dirty gets another id (mod_session_dbd.c, session_dbd_save).
    pub(crate) fn has_id(&self) -> bool {
        // SAFETY: the record lives, and only this view uses it.
        !unsafe { self.raw.as_ref() }.uuid.is_null()
    }

    /// Makes a new session of it: what is saved gets an id of its own, and the row of the
    /// former id stays in the database (mod_session_dbd.c, session_dbd_save).
    pub(crate) fn forget_id(&mut self) {
        // SAFETY: the record lives, and only this view uses it.
        unsafe { self.raw.as_mut() }.uuid = ptr::null_mut();
    }

    /// Whether the session has been changed in this request.
    pub(crate) fn is_dirty(&self) -> bool {
        // SAFETY: the record lives, and only this view uses it.
        unsafe { self.raw.as_ref() }.dirty != 0
    }

    /// Makes mod_session save the session though it has not been changed.
    pub(crate) fn mark_dirty(&mut self) {
        // SAFETY: the record lives, and only this view uses it.
        unsafe { self.raw.as_mut() }.dirty = 1;
    }

    /// Notes that the token in the request may be good: an empty session must not
    /// replace it.
    pub(crate) fn withhold(&mut self) {
        if let Some(notes) = self.notes_mut() {
            notes.about.is_withheld = true;
        }
    }

    /// Whether the token in the request may be good, and the session has not been
    /// written to since.
    pub(crate) fn is_withheld(&self) -> bool {
        self.notes().is_some_and(|notes| notes.about.is_withheld) && self.is_untouched()
    }

    /// Makes the session an empty one, which can be written to.
    pub(crate) fn empty(&mut self) {
        if let Some(notes) = self.notes_mut() {
            notes.about.note = N::default();
        }
        // SAFETY: the record lives, and only this view uses it.
        let record = unsafe { self.raw.as_mut() };
        record.encoded = ptr::null();
        record.expiry = 0;
        record.dirty = 0;
        // SAFETY: NULL, or the record's table, which no other view is of.
        if let Some(mut entries) = unsafe { Table::from_raw(record.entries) } {
            entries.clear();
        }
    }

    /// Removes all entries, and has mod_session save the session. What is noted about it
    /// stays.
    pub(crate) fn clear(&mut self) {
        if let Some(mut entries) = self.entries() {
            entries.clear();
        }
        // SAFETY: the record lives, and only this view uses it.
        let record = unsafe { self.raw.as_mut() };
        record.expiry = 0;
        record.dirty = 1;
    }

    /// Makes the session an empty one of the realm that asks, which does not replace the
    /// token, whatever the record has now.
    pub(super) fn give_up(&mut self) {
        if self.notes().is_none() {
            self.begin();
        }
        let realm = self.realm();
        let entries = Table::new(self.pool).as_ptr();
        if let Some(notes) = self.notes_mut() {
            notes.current = Some(realm);
            notes.section = ptr::null();
            notes.about.is_withheld = true;
        }
        // SAFETY: the record lives, and only this view uses it.
        unsafe { self.raw.as_mut() }.entries = entries;
        self.empty();
    }

    /// Whether the session has not been written to, and has no entry but its
    /// expiry.
    fn is_untouched(&self) -> bool {
        // SAFETY: the record lives, and only this view uses it.
        let record = unsafe { self.raw.as_ref() };
        // SAFETY: NULL, or the record's table, which no other view is of.
        let entries = unsafe { Table::from_raw(record.entries) };
        record.dirty == 0 && entries.is_none_or(|entries| has_no_content(&entries))
    }

    pub(super) fn notes(&self) -> Option<&Notes<K, N>> {
        // SAFETY: `begin` made the notes in the record's pool, and only this view
        // of the record reaches them.
        self.known_notes().map(|notes| unsafe { notes.as_ref() })
    }

    pub(super) fn notes_mut(&mut self) -> Option<&mut Notes<K, N>> {
        // SAFETY: `begin` made the notes in the record's pool, and only this view
        // of the record reaches them, which is borrowed mutably.
        self.known_notes()
            .map(|mut notes| unsafe { notes.as_mut() })
    }

    fn known_notes(&self) -> Option<NonNull<Notes<K, N>>> {
        self.notes.get().unwrap_or_else(|| {
            let found = self.find_notes();
            self.notes.set(Some(found));
            found
        })
    }

    /// Looks for the notes on this record among those in its pool.
    fn find_notes(&self) -> Option<NonNull<Notes<K, N>>> {
        let mut next = self.first_notes();
        while let Some(notes) = next {
            // SAFETY: notes of the pool's list, which live as long as the pool.
            let found = unsafe { notes.as_ref() };
            if found.record == self.raw {
                return Some(notes);
            }
            next = found.next;
        }
        None
    }

    fn first_notes(&self) -> Option<NonNull<Notes<K, N>>> {
        match self.slot {
            Some(slot) => NonNull::new(slot.get().cast()),
            None => self.first_notes_in_userdata(),
        }
    }

    #[cold]
    fn first_notes_in_userdata(&self) -> Option<NonNull<Notes<K, N>>> {
        let mut data: *mut c_void = ptr::null_mut();
        // SAFETY: the pool is live; the call writes the pointer that `begin` set,
        // or NULL (apr_pools.h).
        unsafe {
            bindings::apr_pool_userdata_get(&raw mut data, KEY.as_ptr(), self.pool.as_ptr());
        }
        NonNull::new(data.cast())
    }

    /// Begins the notes, with the token that the request has brought.
    fn begin(&mut self) {
        let section = self.lasting_section();
        // The token of a subrequest is in the subrequest's pool, which goes first.
        let brought = if self.shares_pool {
            // SAFETY: the record lives, and only this view uses it.
            unsafe { self.raw.as_ref() }.encoded
        } else {
            let token = self.encoded().map(|token| self.pool.copy(token));
            token.map_or(ptr::null(), CStr::as_ptr)
        };
        let notes = self.pool.store_raw(Notes {
            record: self.raw,
            next: self.first_notes(),
            brought,
            encoded: ptr::null(),
            current: section.is_null().then(|| self.realm()),
            section,
            is_opened: Cell::new(false),
            told: Cell::new(ptr::null()),
            about: About::default(),
            parked: None,
        });
        self.set_first_notes(notes);
        self.notes.set(Some(Some(notes)));
    }

    fn set_first_notes(&self, notes: NonNull<Notes<K, N>>) {
        match self.slot {
            Some(slot) => slot.set(notes.as_ptr().cast()),
            None => self.set_first_notes_in_userdata(notes),
        }
    }

    #[cold]
    fn set_first_notes_in_userdata(&self, notes: NonNull<Notes<K, N>>) {
        // SAFETY: the key is a constant, and the data is in the same pool and needs
        // no cleanup (apr_pools.h).
        unsafe {
            bindings::apr_pool_userdata_setn(
                notes.as_ptr().cast(),
                KEY.as_ptr(),
                None,
                self.pool.as_ptr(),
            );
        }
    }

    /// Parks the contents of the record for the realm that they belong to.
    fn park(&mut self) {
        // SAFETY: the record lives, and only this view uses it.
        let record = unsafe { self.raw.as_ref() };
        let contents = Contents::of(record);
        let pool = self.pool;
        let Some(realm) = self.notes().map(|notes| self.current(notes)) else {
            return;
        };
        let Some(notes) = self.notes_mut() else {
            return;
        };
        let about = notes.about;
        match find_parked(notes.parked, realm) {
            Some(mut parked) => {
                // SAFETY: parked contents of these notes, which are borrowed
                // mutably, in the same pool.
                let parked = unsafe { parked.as_mut() };
                parked.contents = contents;
                parked.about = about;
            }
            None => {
                notes.parked = Some(pool.store_raw(Parked {
                    realm,
                    contents,
                    about,
                    next: notes.parked,
                }));
            }
        }
    }

    /// Puts the contents of a realm into the record: parked ones, or empty ones.
    fn bring_in(&mut self, realm: K) {
        let (pool, section) = (self.pool, self.lasting_section());
        let Some(notes) = self.notes_mut() else {
            return;
        };
        notes.current = Some(realm);
        notes.section = section;
        let (contents, encoded) = match find_parked(notes.parked, realm) {
            Some(parked) => {
                // SAFETY: parked contents of these notes, in the same pool.
                let parked = unsafe { parked.as_ref() };
                notes.about = parked.about;
                (parked.contents, ptr::null())
            }
            None => {
                notes.about = About::default();
                (Contents::empty(pool), notes.brought)
            }
        };
        // SAFETY: the record lives, and only this view uses it.
        let record = unsafe { self.raw.as_mut() };
        contents.put_into(record);
        record.encoded = encoded;
    }
}
