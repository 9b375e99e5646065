//! A request, and those that led to it.

use std::ffi::{CStr, c_void};
use std::iter;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::bindings::{self, request_rec};
use super::log::{self, Level};
use super::module::{Module, record};
use super::pool::Pool;
use super::tables::Table;

/// A request that lives for `'r`.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    raw: NonNull<request_rec>,
    lifetime: PhantomData<&'r request_rec>,
}

/// Our own notes on a request.
struct Own {
    /// The sections that it was in when its fixups began, or NULL before that.
    sections: *const bindings::ap_conf_vector_t,
    /// Variables that nobody is to see for now, or NULL.
    hidden: *mut bindings::apr_table_t,
    /// Another request answers in its place.
    is_dropped: bool,
}

impl<'r> Request<'r> {
    /// Makes a view of a request, or `None` of NULL.
    ///
    /// # Safety
    ///
    /// The request must live for `'r`, as it does for the length of a hook.
    pub(super) unsafe fn from_raw(raw: *mut request_rec) -> Option<Self> {
        Some(Self {
            raw: NonNull::new(raw)?,
            lifetime: PhantomData,
        })
    }

    /// The settings of the sections that this request is in.
    pub(crate) fn record<M: Module>(self) -> M::Record<'r> {
        let raw = self.settings_of(M::record().as_ptr());
        // SAFETY: our slot holds what `create` and `merge` made, in pools that
        // outlive the request.
        unsafe { record::<M>(raw) }
    }

    /// Keeps in mind which sections the request is in now:
    /// `ap_internal_fast_redirect` changes them.
    pub(super) fn note_sections<M: Module>(self) {
        // SAFETY: the request is live.
        let sections = unsafe { self.raw.as_ref() }.per_dir_config;
        if let Some(mut own) = self.own_or_new::<M>() {
            // SAFETY: of this request, and nobody else refers to it now.
            unsafe { own.as_mut() }.sections = sections;
        }
    }

    /// Whether [`Request::note_sections`] has come to this request yet.
    pub(crate) fn is_noted<M: Module>(self) -> bool {
        !self.noted_sections::<M>().is_null()
    }

    /// The settings of the sections that the request was in when they were
    /// noted; `None` if it is in the same ones now, or they have not been.
    pub(crate) fn former_record<M: Module>(self) -> Option<M::Record<'r>> {
        let sections = self.noted_sections::<M>();
        // SAFETY: the request is live.
        let now = unsafe { self.raw.as_ref() }.per_dir_config;
        if sections.is_null() || ptr::eq(sections, now) {
            return None;
        }
        // SAFETY: a vector that `note_sections` put there, which lives as long as
        // the request, or the subrequest whose pool was joined to it.
        let raw = unsafe { bindings::ap_get_module_config(sections, M::record().as_ptr()) };
        // SAFETY: as in `record`.
        Some(unsafe { record::<M>(raw) })
    }

    fn noted_sections<M: Module>(self) -> *const bindings::ap_conf_vector_t {
        // SAFETY: of this request, and nobody changes it meanwhile.
        let own = self.own::<M>().map(|own| unsafe { own.as_ref() });
        own.map_or(ptr::null(), |own| own.sections)
    }

    /// Makes an empty table that nobody else sees, to hide variables in.
    pub(crate) fn hiding_place<M: Module>(self) -> Option<Table<'r>> {
        // SAFETY: the request is live.
        let pool = unsafe { self.raw.as_ref() }.pool;
        // SAFETY: its pool, which lives as long.
        let pool = unsafe { Pool::from_raw(pool) }?;
        let mut own = self.own_or_new::<M>()?;
        let table = Table::new(pool);
        // SAFETY: of this request, and nobody else refers to it now.
        unsafe { own.as_mut() }.hidden = table.as_ptr();
        Some(table)
    }

    /// The variables that were hidden, if any were.
    pub(crate) fn hidden<M: Module>(self) -> Option<Table<'r>> {
        // SAFETY: of this request, and nobody changes it meanwhile.
        let hidden = unsafe { self.own::<M>()?.as_ref() }.hidden;
        // SAFETY: NULL, or a table in the request's pool, which no other view is
        // of.
        unsafe { Table::from_raw(hidden) }
    }

    /// Notes that this is not the request that answers.
    pub(crate) fn drop_answer<M: Module>(self) {
        if let Some(mut own) = self.own_or_new::<M>() {
            // SAFETY: of this request, and nobody else refers to it now.
            unsafe { own.as_mut() }.is_dropped = true;
        }
    }

    /// Whether that was noted.
    pub(crate) fn is_dropped<M: Module>(self) -> bool {
        self.own::<M>()
            // SAFETY: of this request, and nobody changes it meanwhile.
            .is_some_and(|own| unsafe { own.as_ref() }.is_dropped)
    }

    fn own<M: Module>(self) -> Option<NonNull<Own>> {
        // SAFETY: the request is live.
        let all = unsafe { self.raw.as_ref() }.request_config;
        // SAFETY: a request has a vector for its modules; our slot holds what
        // `make_own` put there, or NULL.
        NonNull::new(unsafe { bindings::ap_get_module_config(all, M::record().as_ptr()) })
            .map(NonNull::cast)
    }

    fn own_or_new<M: Module>(self) -> Option<NonNull<Own>> {
        self.own::<M>().or_else(|| self.make_own::<M>())
    }

    fn make_own<M: Module>(self) -> Option<NonNull<Own>> {
        // SAFETY: the request is live.
        let request = unsafe { self.raw.as_ref() };
        // SAFETY: its pool, which lives as long.
        let pool = unsafe { Pool::from_raw(request.pool) }?;
        let own = pool.place_raw(Own {
            sections: ptr::null(),
            hidden: ptr::null_mut(),
            is_dropped: false,
        });
        // SAFETY: a request has a vector for its modules, and our slot is ours.
        unsafe {
            bindings::ap_set_module_config(
                request.request_config,
                M::record().as_ptr(),
                own.as_ptr().cast(),
            );
        }
        Some(own)
    }

    /// The requests that led to this one: the one that was redirected to it, or
    /// the one that it is part of, and so on.
    pub(crate) fn origins(self) -> impl Iterator<Item = Request<'r>> {
        iter::successors(self.origin(), |request| request.origin())
    }

    /// The requests that this one was redirected to.
    pub(crate) fn redirects(self) -> impl Iterator<Item = Request<'r>> {
        iter::successors(self.redirect(), |request| request.redirect())
    }

    fn origin(self) -> Option<Self> {
        // SAFETY: the request is live.
        let request = unsafe { self.raw.as_ref() };
        // SAFETY: what led to a request outlives it, or is NULL (httpd.h).
        let previous = unsafe { Self::from_raw(request.prev) };
        // SAFETY: likewise.
        previous.or_else(|| unsafe { Self::from_raw(request.main) })
    }

    fn redirect(self) -> Option<Self> {
        // SAFETY: the request is live.
        let next = unsafe { self.raw.as_ref() }.next;
        // SAFETY: made in this request's pool, or NULL (internal_internal_redirect).
        unsafe { Self::from_raw(next) }
    }

    /// Whether this is part of another request.
    pub(crate) fn is_subrequest(self) -> bool {
        // SAFETY: the request is live.
        !unsafe { self.raw.as_ref() }.main.is_null()
    }

    /// Whether a pool is that of this request.
    pub(super) fn is_in_pool(self, pool: Pool<'_>) -> bool {
        // SAFETY: the request is live.
        unsafe { self.raw.as_ref() }.pool == pool.as_ptr()
    }

    /// The environment of programs and server-side includes.
    pub(crate) fn environment(self) -> Option<Table<'r>> {
        // SAFETY: the request is live.
        let table = unsafe { self.raw.as_ref() }.subprocess_env;
        // SAFETY: its table, which no other view is of.
        unsafe { Table::from_raw(table) }
    }

    /// Has mod_include take this for a page of its own: where it has noted that
    /// the page is part of another one, both have one environment
    /// (mod_include.c, includes_filter).
    pub(crate) fn stand_alone(self) {
        // SAFETY: a C string; the call walks the list of modules.
        let module = unsafe { bindings::ap_find_linked_module(c"mod_include.c".as_ptr()) };
        if module.is_null() {
            return;
        }
        // SAFETY: the request is live.
        let notes = unsafe { self.raw.as_ref() }.request_config;
        // SAFETY: a request has a vector for its modules, and mod_include reads a
        // NULL there as no note.
        unsafe { bindings::ap_set_module_config(notes, module, ptr::null_mut()) };
    }

    /// The notes that modules leave for each other.
    pub(crate) fn notes(self) -> Option<Table<'r>> {
        // SAFETY: the request is live.
        let table = unsafe { self.raw.as_ref() }.notes;
        // SAFETY: its table, which no other view is of.
        unsafe { Table::from_raw(table) }
    }

    /// The headers of the answer: those that go with success only, and those
    /// that go with every answer, and that redirects share.
    pub(crate) fn headers_out(self) -> impl Iterator<Item = Table<'r>> {
        // SAFETY: the request is live.
        let request = unsafe { self.raw.as_ref() };
        [request.headers_out, request.err_headers_out]
            .into_iter()
            // SAFETY: its tables, which no other view is of.
            .filter_map(|table| unsafe { Table::from_raw(table) })
    }

    /// Where a module's settings of this request's sections are, or NULL.
    pub(super) fn settings_of(self, module: *const bindings::module) -> *const c_void {
        // SAFETY: the request is live.
        let sections = unsafe { self.raw.as_ref() }.per_dir_config;
        // SAFETY: its configuration vector, and a module that httpd loaded.
        unsafe { bindings::ap_get_module_config(sections, module) }
    }

    /// The client's name for this host, or else that in the configuration.
    pub(super) fn host(self) -> &'r CStr {
        // SAFETY: the request is live.
        let request = unsafe { self.raw.as_ref() };
        let mut name = request.hostname;
        if name.is_null() {
            // SAFETY: a request has a server (httpd.h).
            name = unsafe { (*request.server).server_hostname };
        }
        if name.is_null() {
            return c"without a name";
        }
        // SAFETY: a C string, which lives as long as the request.
        unsafe { CStr::from_ptr(name) }
    }

    /// When the request arrived, in Unix seconds.
    pub(crate) fn time(self) -> u64 {
        // SAFETY: the request is live.
        let microseconds = unsafe { self.raw.as_ref() }.request_time;
        u64::try_from(microseconds).unwrap_or_default() / 1_000_000
    }

    /// Writes a line to the request's log, if its `LogLevel` wants it.
    pub(crate) fn log(self, level: Level, message: &dyn std::fmt::Display) {
        // SAFETY: the request is live; the call reads its log configuration.
        let wanted =
            unsafe { bindings::session_crypto_logs_request(self.raw.as_ptr(), level.code()) };
        if wanted == 0 {
            return;
        }
        let message = log::text(&message.to_string());
        // SAFETY: the request is live, and `message` is a C string that
        // ap_log_rerror copies.
        unsafe {
            bindings::session_crypto_log_request(
                self.raw.as_ptr(),
                level.code(),
                0,
                message.as_ptr(),
            );
        }
    }
}
