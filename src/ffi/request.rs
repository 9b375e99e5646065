//! A request, and those that led to it.

use std::ffi::{CStr, c_void};
use std::fmt::Display;
use std::iter;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::bindings::{self, request_rec};
use super::guard::{self, INTERNAL};
use super::log::{self, Level};
use super::pool::Pool;
use super::tables::Table;
use crate::message::Code;

/// A panic in a request is contained.
const CONTAINED: Code = Code("SC0591");

/// A request that lives for `'r` (httpd.h, request_rec).
///
/// Every function below relies on that, as `Request::from_raw` demands it.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    raw: NonNull<request_rec>,
    lifetime: PhantomData<&'r request_rec>,
}

impl<'r> Request<'r> {
    /// Makes a view of a request; `None` for NULL.
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

    /// httpd's own structure, to be read.
    pub(super) fn raw(&self) -> &request_rec {
        // SAFETY: the request lives for 'r, as `from_raw` demands. httpd hands it
        // to this one thread, and each caller is done with the reference before it
        // calls httpd.
        unsafe { self.raw.as_ref() }
    }

    /// The pointer to it, for calls of httpd.
    pub(super) fn as_ptr(self) -> *mut request_rec {
        self.raw.as_ptr()
    }

    /// The requests that led to this one: the request that was redirected to it,
    /// or that it is part of, then the one that led to that, and so on.
    pub(crate) fn origins(self) -> impl Iterator<Item = Request<'r>> {
        iter::successors(self.origin(), |request| request.origin())
    }

    /// Whether another request led to this one.
    pub(crate) fn has_origin(self) -> bool {
        !self.raw().prev.is_null() || !self.raw().main.is_null()
    }

    /// The requests that this one was redirected to, one after the other.
    pub(crate) fn redirects(self) -> impl Iterator<Item = Request<'r>> {
        iter::successors(self.redirect(), |request| request.redirect())
    }

    fn origin(self) -> Option<Self> {
        // SAFETY: NULL, or the request that was redirected to this one, which
        // outlives it (httpd.h).
        let previous = unsafe { Self::from_raw(self.raw().prev) };
        // SAFETY: NULL, or the request that this one is part of, which outlives
        // it (httpd.h).
        previous.or_else(|| unsafe { Self::from_raw(self.raw().main) })
    }

    fn redirect(self) -> Option<Self> {
        // SAFETY: NULL, or a request in this one's pool (http_request.c,
        // internal_internal_redirect).
        unsafe { Self::from_raw(self.raw().next) }
    }

    /// Whether this is part of another request.
    pub(crate) fn is_subrequest(self) -> bool {
        !self.raw().main.is_null()
    }

    /// The request's pool.
    pub(crate) fn pool(self) -> Option<Pool<'r>> {
        // SAFETY: httpd makes a request in its pool, which lives as long.
        unsafe { Pool::from_raw(self.raw().pool) }
    }

    /// Whether a pool is that of this request.
    pub(super) fn is_in_pool(self, pool: Pool<'_>) -> bool {
        self.raw().pool == pool.as_ptr()
    }

    /// The environment of programs and server-side includes.
    pub(crate) fn environment(self) -> Option<Table<'r>> {
        // SAFETY: NULL, or the request's table, of which no other view exists
        // while this one is used.
        unsafe { Table::from_raw(self.raw().subprocess_env) }
    }

    /// Makes mod_include treat this as a page of its own. Where mod_include has
    /// noted that the page is part of another one, both have one environment
    /// (mod_include.c, includes_filter).
    pub(crate) fn stand_alone(self) {
        // SAFETY: the name is a C string; the call walks httpd's list of modules.
        let module = unsafe { bindings::ap_find_linked_module(c"mod_include.c".as_ptr()) };
        if module.is_null() {
            return;
        }
        // SAFETY: a request has a vector with room for each module (httpd.h), and
        // mod_include reads NULL there as no note.
        unsafe {
            bindings::ap_set_module_config(self.raw().request_config, module, ptr::null_mut());
        }
    }

    /// The notes that modules leave for each other.
    pub(crate) fn notes(self) -> Option<Table<'r>> {
        // SAFETY: NULL, or the request's table, of which no other view exists
        // while this one is used.
        unsafe { Table::from_raw(self.raw().notes) }
    }

    /// The headers that the client has sent.
    pub(crate) fn headers_in(self) -> Option<Table<'r>> {
        // SAFETY: NULL, or the request's table, of which no other view exists
        // while this one is used.
        unsafe { Table::from_raw(self.raw().headers_in) }
    }

    /// The headers of the answer: those that go with success only, then those
    /// that go with every answer and that redirects share.
    pub(crate) fn headers_out(self) -> impl Iterator<Item = Table<'r>> {
        [self.raw().headers_out, self.raw().err_headers_out]
            .into_iter()
            // SAFETY: NULL, or one of the request's two tables, of which no other
            // view exists while this one is used.
            .filter_map(|table| unsafe { Table::from_raw(table) })
    }

    /// The headers that go with every answer, and that redirects share.
    pub(crate) fn lasting_headers_out(self) -> Option<Table<'r>> {
        // SAFETY: NULL, or the request's table, of which no other view exists
        // while this one is used.
        unsafe { Table::from_raw(self.raw().err_headers_out) }
    }

    /// A module's settings in the sections of this request, or NULL.
    pub(super) fn config_of(self, module: *const bindings::module) -> *const c_void {
        // SAFETY: a request has a vector of settings (httpd.h), and the module is
        // loaded.
        unsafe { bindings::ap_get_module_config(self.raw().per_dir_config, module) }
    }

    /// The client's name for this host, or else the name in the configuration.
    fn host(self) -> &'r CStr {
        let mut name = self.raw().hostname;
        if name.is_null() {
            // SAFETY: httpd gives each request a server (httpd.h).
            name = unsafe { (*self.raw().server).server_hostname };
        }
        if name.is_null() {
            return c"without a name";
        }
        // SAFETY: not NULL, so a C string that lives as long as the request or its
        // server.
        unsafe { CStr::from_ptr(name) }
    }

    /// The path that is asked for, without the query.
    pub(crate) fn path(self) -> &'r CStr {
        let path = self.raw().uri;
        if path.is_null() {
            return c"";
        }
        // SAFETY: not NULL, so a C string in the request's pool (httpd.h).
        unsafe { CStr::from_ptr(path) }
    }

    /// The time of the request's arrival, in Unix seconds.
    pub(crate) fn time(self) -> u64 {
        u64::try_from(self.raw().request_time).unwrap_or_default() / 1_000_000
    }

    /// Whether lines of this level reach the request's log.
    pub(crate) fn logs(self, level: Level) -> bool {
        // SAFETY: the request lives; the call reads its log configuration.
        unsafe { bindings::session_crypto_logs_request(self.raw.as_ptr(), level.code()) != 0 }
    }

    /// Writes a line to the request's log, if its `LogLevel` wants it: a code, a colon and
    /// words, which are not asked for otherwise.
    pub(crate) fn log(self, level: Level, code: Code, words: &dyn Display) {
        if !self.logs(level) {
            return;
        }
        let message = log::text(&format_args!("{code}: {words}"));
        // SAFETY: the request lives, and `message` is a C string that
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

    #[cold]
    fn log_contained(self, hook: &str) {
        let host = self.host().to_string_lossy();
        self.log(
            Level::Error,
            CONTAINED,
            &format_args!("{INTERNAL} in the {hook} hook, for host {host}; please report it"),
        );
    }
}

/// Runs a hook of a request; if it panics, logs the hook's name, in a line that
/// names the client too, and returns `fallback`.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub(super) fn guard<T>(
    request: Request<'_>,
    hook: &str,
    fallback: T,
    work: impl FnOnce() -> T,
) -> T {
    guard::catch(work).unwrap_or_else(|| {
        guard::catch_quietly(|| request.log_contained(hook));
        fallback
    })
}
