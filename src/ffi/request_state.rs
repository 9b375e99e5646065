//! This module's settings for a request, and its own notes on it.

use std::cell::Cell;
use std::ffi::{CStr, c_char, c_void};
use std::iter;
use std::ptr::{self, NonNull};

use super::bindings::{self, ap_conf_vector_t, apr_table_t};
use super::dir_config;
use super::module::Module;
use super::pool::Pool;
use super::request::Request;
use super::tables::Table;

/// The notes of this module on a request, in the request's pool.
struct RequestState {
    /// The sections that it was in when its fixups began; NULL before that.
    sections: *const ap_conf_vector_t,
    /// Variables that are hidden from other modules for now, or NULL.
    hidden: *mut apr_table_t,
    /// Another request answers in its place.
    is_dropped: bool,
    /// The notes on the sessions in the request's pool, if it is the first of its
    /// chain.
    sessions: Cell<*mut c_void>,
    /// The longest of the long tokens, if it is the first of its chain; or NULL.
    long_token: Cell<*const c_void>,
    /// The cookies that the browser has sent, if some were taken out; or NULL.
    cookies: Cell<*const c_char>,
}

/// A token that may not fit into a cookie.
#[derive(Clone, Copy)]
pub(crate) struct LongToken<'r> {
    pub(crate) token: &'r [u8],
    /// Bytes of the session that was sealed.
    pub(crate) session: usize,
}

impl<'r> Request<'r> {
    /// The settings of the sections that this request is in.
    pub(crate) fn config<M: Module>(self) -> M::DirConfig<'r> {
        // SAFETY: our slot holds what this module's functions made, in pools that
        // outlive the request.
        unsafe { dir_config::read(self.section::<M>()) }
    }

    /// Refers to these settings; settings that refuse are made in `pool`.
    pub(super) fn config_in<M: Module>(self, pool: Pool<'r>) -> &'r M::DirConfig<'r> {
        // SAFETY: our slot holds what this module's functions made, in pools that
        // outlive the request.
        unsafe { dir_config::refer(self.section::<M>(), pool) }
    }

    /// The same; `None` for settings that could not be made.
    pub(crate) fn known_config<M: Module>(self) -> Option<&'r M::DirConfig<'r>> {
        // SAFETY: our slot holds NULL, or what this module's functions made, in pools that
        // outlive the request.
        unsafe { self.section::<M>().cast::<M::DirConfig<'r>>().as_ref() }
    }

    /// The address of these settings, or NULL.
    pub(super) fn section<M: Module>(self) -> *const c_void {
        self.config_of(M::module_record().as_ptr())
    }

    /// Notes which sections the request is in now; `ap_internal_fast_redirect`
    /// changes them.
    pub(super) fn note_sections<M: Module>(self) {
        if let Some(mut state) = self.state_or_new::<M>() {
            // SAFETY: the notes on this request, which no other reference is to.
            unsafe { state.as_mut() }.sections = self.raw().per_dir_config;
        }
    }

    /// Whether [`Request::note_sections`] has run for this request.
    pub(crate) fn is_noted<M: Module>(self) -> bool {
        !self.noted_sections::<M>().is_null()
    }

    /// The settings of the sections that the request was in when they were
    /// noted; `None` if they were not noted, or if it is still in the same ones.
    pub(crate) fn former_config<M: Module>(self) -> Option<M::DirConfig<'r>> {
        let sections = self.former_sections::<M>()?;
        // SAFETY: a vector that `note_sections` found, which lives as long as the
        // request, or as the subrequest whose pool was joined to it.
        let raw = unsafe { bindings::ap_get_module_config(sections, M::module_record().as_ptr()) };
        // SAFETY: our slot holds what this module's functions made, in pools that
        // outlive the request.
        Some(unsafe { dir_config::read(raw) })
    }

    /// Whether the request is in other sections than those that were noted.
    pub(super) fn has_moved<M: Module>(self) -> bool {
        self.former_sections::<M>().is_some()
    }

    /// The sections that were noted, unless the request is still in them.
    fn former_sections<M: Module>(self) -> Option<*const ap_conf_vector_t> {
        let sections = self.noted_sections::<M>();
        let is_in_them = sections.is_null() || ptr::eq(sections, self.raw().per_dir_config);
        (!is_in_them).then_some(sections)
    }

    fn noted_sections<M: Module>(self) -> *const ap_conf_vector_t {
        let state = self.state::<M>();
        // SAFETY: the notes on this request, which nobody changes meanwhile.
        let state = state.map(|state| unsafe { state.as_ref() });
        state.map_or(ptr::null(), |state| state.sections)
    }

    /// Makes an empty table to hide variables in; no other module sees it.
    pub(crate) fn hiding_place<M: Module>(self) -> Option<Table<'r>> {
        let table = Table::new(self.pool()?);
        let mut state = self.state_or_new::<M>()?;
        // SAFETY: the notes on this request, which no other reference is to.
        unsafe { state.as_mut() }.hidden = table.as_ptr();
        Some(table)
    }

    /// The variables that were hidden, if any were.
    pub(crate) fn hidden<M: Module>(self) -> Option<Table<'r>> {
        // SAFETY: the notes on this request, which nobody changes meanwhile.
        let hidden = unsafe { self.state::<M>()?.as_ref() }.hidden;
        // SAFETY: NULL, or the table that `hiding_place` made in the request's
        // pool; the view that it returned is gone.
        unsafe { Table::from_raw(hidden) }
    }

    /// Notes that another request answers in place of this one.
    pub(crate) fn drop_answer<M: Module>(self) {
        if let Some(mut state) = self.state_or_new::<M>() {
            // SAFETY: the notes on this request, which no other reference is to.
            unsafe { state.as_mut() }.is_dropped = true;
        }
    }

    /// Whether another request answers in place of this one.
    pub(crate) fn is_dropped<M: Module>(self) -> bool {
        self.state::<M>()
            // SAFETY: the notes on this request, which nobody changes meanwhile.
            .is_some_and(|state| unsafe { state.as_ref() }.is_dropped)
    }

    /// The slot for the notes on the sessions in a pool, if that is the pool of the
    /// first request of the chain that led to this one.
    ///
    /// The answer is the same for each request of a chain. mod_session's own stores
    /// keep a session in that pool; the pool of any other has its own slot.
    pub(super) fn session_notes<M: Module>(self, pool: Pool<'_>) -> Option<&'r Cell<*mut c_void>> {
        let first = self.origins().last().unwrap_or(self);
        if !first.is_in_pool(pool) {
            return None;
        }
        let state = first.state_or_new::<M>()?;
        // SAFETY: the notes on a request that outlives this one; nothing but the cell
        // refers to its content, and references to the rest are gone after each use.
        let sessions = unsafe { &raw const (*state.as_ptr()).sessions };
        // SAFETY: a part of these notes, which live in the first request's pool.
        unsafe { sessions.as_ref() }
    }

    /// The first notes on the sessions in the pool of this request, if no other one led to
    /// it; or NULL.
    pub(super) fn own_session_notes<M: Module>(self) -> Option<*const c_void> {
        // SAFETY: the notes on this request, which nobody changes meanwhile.
        let state = unsafe { self.state::<M>()?.as_ref() };
        Some(state.sessions.get().cast_const())
    }

    /// Notes a token that was sealed in a pool, for the end of the first request of the
    /// chain that led to this one. Of several, the longest is kept.
    #[cold]
    #[inline(never)]
    pub(crate) fn note_long_token<M: Module>(self, token: LongToken<'r>, pool: Pool<'_>) {
        let first = self.origins().last().unwrap_or(self);
        // mod_session_cookie keeps each session in this pool, and other pools may go before
        // the end.
        if !first.is_in_pool(pool) {
            return;
        }
        let known = first.long_token::<M>();
        if known.is_some_and(|known| known.token.len() >= token.token.len()) {
            return;
        }
        let (Some(state), Some(first_pool)) = (first.state_or_new::<M>(), first.pool()) else {
            return;
        };
        let note = first_pool.store_plain(token);
        // SAFETY: the notes on a request that outlives this one, which nobody changes
        // meanwhile.
        let slot = unsafe { &state.as_ref().long_token };
        slot.set(ptr::from_ref(note).cast());
    }

    /// The longest token that was noted for this request, which is the first of its chain.
    pub(crate) fn long_token<M: Module>(self) -> Option<LongToken<'r>> {
        // SAFETY: the notes on this request, which nobody changes meanwhile.
        let token = unsafe { self.state::<M>()?.as_ref() }.long_token.get();
        // SAFETY: NULL, or what `note_long_token` has put into this request's pool, and
        // nobody changes.
        unsafe { token.cast::<LongToken<'r>>().as_ref() }.copied()
    }

    /// Whether a long token was noted for this request.
    pub(super) fn has_long_token<M: Module>(self) -> bool {
        self.long_token::<M>().is_some()
    }

    /// Notes the cookies that the browser has sent, before some are taken out of the request.
    pub(crate) fn note_cookies<M: Module>(self, header: &'r CStr) {
        if let Some(state) = self.state_or_new::<M>() {
            // SAFETY: the notes on this request, which nobody changes meanwhile.
            let slot = unsafe { &state.as_ref().cookies };
            slot.set(header.as_ptr());
        }
    }

    /// The cookies that the browser has sent, if some were taken out of this request or of
    /// one that led to it. The first of these had them all.
    pub(crate) fn noted_cookies<M: Module>(self) -> Option<&'r CStr> {
        let requests = iter::once(self).chain(self.origins());
        let noted = requests.filter_map(|request| {
            // SAFETY: the notes on a request, which nobody changes meanwhile.
            let cookies = unsafe { request.state::<M>()?.as_ref() }.cookies.get();
            // SAFETY: NULL is tested first; otherwise a header of that request, which
            // outlives this one (`note_cookies`).
            (!cookies.is_null()).then(|| unsafe { CStr::from_ptr(cookies) })
        });
        noted.last()
    }

    fn state<M: Module>(self) -> Option<NonNull<RequestState>> {
        let all = self.raw().request_config;
        // SAFETY: a request has a vector with a slot for each module (httpd.h);
        // ours holds NULL, or what `make_state` put there.
        NonNull::new(unsafe { bindings::ap_get_module_config(all, M::module_record().as_ptr()) })
            .map(NonNull::cast)
    }

    fn state_or_new<M: Module>(self) -> Option<NonNull<RequestState>> {
        self.state::<M>().or_else(|| self.make_state::<M>())
    }

    fn make_state<M: Module>(self) -> Option<NonNull<RequestState>> {
        let state = self.pool()?.store_raw(RequestState {
            sections: ptr::null(),
            hidden: ptr::null_mut(),
            is_dropped: false,
            sessions: Cell::new(ptr::null_mut()),
            long_token: Cell::new(ptr::null()),
            cookies: Cell::new(ptr::null()),
        });
        // SAFETY: a request has a vector with a slot for each module (httpd.h),
        // and this one is ours.
        unsafe {
            bindings::ap_set_module_config(
                self.raw().request_config,
                M::module_record().as_ptr(),
                state.as_ptr().cast(),
            );
        }
        Some(state)
    }
}
