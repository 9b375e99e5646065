//! APR's tables: pairs of a name, whose case does not count, and a value.

use std::ffi::CStr;
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::bindings::{self, apr_table_entry_t, apr_table_t};
use super::pool::Pool;

/// A table that lives for `'p`.
pub(crate) struct Table<'p> {
    raw: NonNull<apr_table_t>,
    lifetime: PhantomData<&'p mut apr_table_t>,
}

/// Entries that a new table has room for, as in mod_session's own.
const ROOM: std::ffi::c_int = 10;

impl<'p> Table<'p> {
    /// Makes a view of a table; `None` for NULL.
    ///
    /// # Safety
    ///
    /// The table must live for `'p`, and not be used through anything else while
    /// this view is.
    pub(super) unsafe fn from_raw(raw: *mut apr_table_t) -> Option<Self> {
        Some(Self {
            raw: NonNull::new(raw)?,
            lifetime: PhantomData,
        })
    }

    /// Makes an empty table.
    pub(super) fn new(pool: Pool<'p>) -> Self {
        // SAFETY: the pool is live (apr_tables.h, apr_table_make).
        let raw = unsafe { bindings::apr_table_make(pool.as_ptr(), ROOM) };
        Self {
            // httpd's pools end the process when memory runs out (main.c,
            // abort_on_oom).
            raw: NonNull::new(raw).unwrap_or_else(|| std::process::abort()),
            lifetime: PhantomData,
        }
    }

    pub(super) fn as_ptr(&self) -> *mut apr_table_t {
        self.raw.as_ptr()
    }

    /// The first value under a name.
    pub(crate) fn get(&self, name: &CStr) -> Option<&'p CStr> {
        // SAFETY: the table is live, and `name` is a C string (apr_tables.h).
        let value = unsafe { bindings::apr_table_get(self.raw.as_ptr(), name.as_ptr()) };
        if value.is_null() {
            return None;
        }
        // SAFETY: a table's values are C strings that live as long as it does.
        Some(unsafe { CStr::from_ptr(value) })
    }

    /// Whether there is a value under a name.
    pub(super) fn has(&self, name: &CStr) -> bool {
        // SAFETY: the table is live, and `name` is a C string (apr_tables.h).
        !unsafe { bindings::apr_table_get(self.raw.as_ptr(), name.as_ptr()) }.is_null()
    }

    /// Puts a value in place of all that are under a name. Both must live as
    /// long as the table.
    pub(crate) fn set(&mut self, name: &'p CStr, value: &'p CStr) {
        // SAFETY: the table is live, and both strings live as long as it does
        // (apr_tables.h, apr_table_setn).
        unsafe {
            bindings::apr_table_setn(self.raw.as_ptr(), name.as_ptr(), value.as_ptr());
        }
    }

    /// Adds a value to those that are under a name. Both must live as long as the table.
    pub(crate) fn add(&mut self, name: &'p CStr, value: &'p CStr) {
        // SAFETY: the table is live, and both strings live as long as it does
        // (apr_tables.h, apr_table_addn).
        unsafe {
            bindings::apr_table_addn(self.raw.as_ptr(), name.as_ptr(), value.as_ptr());
        }
    }

    /// Removes all values under a name.
    pub(crate) fn remove(&mut self, name: &CStr) {
        // SAFETY: the table is live, and `name` is a C string (apr_tables.h).
        unsafe { bindings::apr_table_unset(self.raw.as_ptr(), name.as_ptr()) };
    }

    /// Removes everything.
    pub(crate) fn clear(&mut self) {
        // SAFETY: the table is live (apr_tables.h).
        unsafe { bindings::apr_table_clear(self.raw.as_ptr()) };
    }

    /// Names and values, in their order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (&'p CStr, &'p CStr)> {
        // SAFETY: the table is live (apr_tables.h).
        let array = unsafe { bindings::apr_table_elts(self.raw.as_ptr()) };
        // SAFETY: NULL, or the array of a live table.
        let array = unsafe { array.as_ref() };
        let (first, count) = array.map_or((std::ptr::null(), 0), |array| {
            let count = usize::try_from(array.nelts).unwrap_or_default();
            (array.elts.cast::<apr_table_entry_t>().cast_const(), count)
        });
        let entries: &'p [apr_table_entry_t] = if first.is_null() {
            &[]
        } else {
            // SAFETY: `nelts` entries stand there (apr_tables.h), for as long as
            // the table is not changed: callers collect them before they change
            // it.
            unsafe { std::slice::from_raw_parts(first, count) }
        };
        entries.iter().filter_map(|entry| {
            let (name, value) = (NonNull::new(entry.key)?, NonNull::new(entry.val)?);
            // SAFETY: a table's names are C strings that live as long as it does.
            let name = unsafe { CStr::from_ptr(name.as_ptr()) };
            // SAFETY: a table's values are C strings that live as long as it does.
            Some((name, unsafe { CStr::from_ptr(value.as_ptr()) }))
        })
    }
}
