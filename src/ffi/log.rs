//! The error log. Lines carry this module's log index, so that
//! `LogLevel session_crypto:debug` works.

use std::ffi::{CString, c_int};
use std::ptr;

use super::bindings::{self, server_rec};

/// Levels of `LogLevel`, `<http_log.h>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The server cannot start.
    Emergency,
    /// Something on this host does not work.
    Error,
    /// What will not work one day, or looks like a mistake.
    Warning,
    /// What whoever runs the server waits for; `LogLevel` does not hold it back.
    Notice,
    /// An everyday refusal.
    Info,
    /// What only somebody who looks for it wants to read.
    Debug,
}

impl Level {
    pub(super) fn code(self) -> c_int {
        match self {
            Self::Emergency => bindings::APLOG_EMERG,
            Self::Error => bindings::APLOG_ERR,
            Self::Warning => bindings::APLOG_WARNING,
            Self::Notice => bindings::APLOG_NOTICE,
            Self::Info => bindings::APLOG_INFO,
            Self::Debug => bindings::APLOG_DEBUG,
        }
    }
}

/// `message` for C, cut at a NUL byte, of which our messages have none.
pub(super) fn text(message: &str) -> CString {
    let end = message.find('\0').unwrap_or(message.len());
    CString::new(message.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// Writes a line to the main server's log; to stderr until that is open.
pub(crate) fn server(level: Level, message: &str) {
    // SAFETY: shim.h allows a NULL server.
    unsafe { of_server(ptr::null(), level, message) };
}

/// Writes a line to a server's log, if its `LogLevel` wants it.
///
/// # Safety
///
/// `server` is live, or NULL.
pub(super) unsafe fn of_server(server: *const server_rec, level: Level, message: &str) {
    let message = text(message);
    // SAFETY: the caller vouches for the server; `message` is a C string that
    // ap_log_error copies.
    unsafe {
        bindings::session_crypto_log_server(server, level.code(), 0, message.as_ptr());
    }
}
