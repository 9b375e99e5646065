//! The error log.
//!
//! Lines carry this module's log index, so that `LogLevel session_crypto:debug`
//! works. Each begins with the code of its message.

use std::ffi::{CString, c_int};
use std::fmt::Display;
use std::ptr;

use super::bindings::{self, server_rec};
use crate::message::Message;

/// The levels of `LogLevel` (http_log.h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// The server cannot start.
    Emergency,
    /// This host fails at its task.
    Error,
    /// A likely mistake, or a failure to come.
    Warning,
    /// News that administrators wait for, whatever `LogLevel` says.
    Notice,
    /// An everyday refusal.
    Info,
    /// Details for the search for a cause.
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

/// Makes a C string of a message, cut at a NUL byte; our messages have none.
pub(super) fn text(message: &dyn Display) -> CString {
    let message = message.to_string();
    let end = message.find('\0').unwrap_or(message.len());
    CString::new(message.get(..end).unwrap_or_default()).unwrap_or_default()
}

/// The main server of a configuration that has been read.
#[derive(Clone, Copy)]
pub(crate) struct MainServer<'s>(&'s server_rec);

impl<'s> MainServer<'s> {
    /// Makes a view of a server; `None` for NULL.
    ///
    /// # Safety
    ///
    /// `server` is NULL, or the main server, and lives for `'s`.
    pub(super) unsafe fn from_raw(server: *const server_rec) -> Option<Self> {
        // SAFETY: the caller promises NULL, or a server that lives for 's.
        unsafe { server.as_ref() }.map(Self)
    }

    pub(super) fn as_ptr(self) -> *const server_rec {
        self.0
    }
}

/// Writes a line to the main server's log, if its `LogLevel` wants it.
pub(crate) fn main(server: MainServer<'_>, level: Level, message: &Message) {
    let message = text(message);
    // SAFETY: a live server, and a C string that ap_log_error copies.
    unsafe {
        bindings::session_crypto_log_server(server.0, level.code(), 0, message.as_ptr());
    }
}

/// Writes a line to the main server's log, whatever its `LogLevel`; to stderr
/// before that log is open.
pub(crate) fn server(level: Level, message: &Message) {
    let message = text(message);
    // SAFETY: shim.h allows a NULL server, and `message` is a C string that
    // ap_log_error copies.
    unsafe {
        bindings::session_crypto_log_server(ptr::null(), level.code(), 0, message.as_ptr());
    }
}
