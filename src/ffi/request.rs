//! A request, and the session that mod_session hands us.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::bindings::{self, request_rec, session_rec};
use super::log::{self, Level};
use super::pool::Pool;

/// A request that lives for `'r`.
#[derive(Clone, Copy)]
pub(crate) struct Request<'r> {
    raw: NonNull<request_rec>,
    lifetime: PhantomData<&'r request_rec>,
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

    /// What a module's sections say for this request, NULL if they do not.
    pub(super) fn configuration(self, module: *const bindings::module) -> *const c_void {
        // SAFETY: the request is live.
        let sections = unsafe { self.raw.as_ref() }.per_dir_config;
        // SAFETY: its configuration vector, and a module that httpd loaded.
        unsafe { bindings::ap_get_module_config(sections, module) }
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

/// A session that lives for the request, `'r` (mod_session.h, session_rec).
pub(crate) struct Session<'r> {
    raw: NonNull<session_rec>,
    pool: Pool<'r>,
    lifetime: PhantomData<&'r mut session_rec>,
}

impl<'r> Session<'r> {
    /// Makes a view of a session, or `None` of NULL.
    ///
    /// # Safety
    ///
    /// The session must live for `'r` and nobody else use it meanwhile, as
    /// mod_session sees to while its hooks run.
    pub(super) unsafe fn from_raw(raw: *mut session_rec) -> Option<Self> {
        let raw = NonNull::new(raw)?;
        // SAFETY: the caller vouches for the session.
        let pool = unsafe { raw.as_ref() }.pool;
        // SAFETY: its pool lives as long as it does.
        let pool = unsafe { Pool::from_raw(pool) }?;
        Some(Self {
            raw,
            pool,
            lifetime: PhantomData,
        })
    }

    /// The session's own pool. The session of a subrequest is that of its
    /// main request, and outlives the subrequest's pool.
    pub(crate) fn pool(&self) -> Pool<'r> {
        self.pool
    }

    /// What the last hook made of the session; `None` if that is nothing.
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

    /// Hands the next hook another form of the session.
    pub(crate) fn set_encoded(&mut self, encoded: &'r CStr) {
        // SAFETY: the session is live and ours.
        unsafe { self.raw.as_mut() }.encoded = encoded.as_ptr();
    }

    /// Makes the session an empty one that can be written.
    pub(crate) fn clear(&mut self) {
        // SAFETY: the session is live and ours.
        unsafe { self.raw.as_mut() }.encoded = std::ptr::null();
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
}
