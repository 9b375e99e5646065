//! The guard that every entry point runs under, in case our code panics.
//!
//! A panic that leaves an `extern "C"` function aborts the child, and with it
//! every request of its threads. Under the guard, the entry point answers its
//! fallback instead: the value that fails closed.

use std::panic::{self, AssertUnwindSafe};

use super::log::{self, Level};
use crate::message::Code;

/// The beginning of the message about a panic. The name of the entry point follows.
pub(super) const INTERNAL: &str = "an internal error was contained";

/// A panic outside of requests is contained.
const CONTAINED: Code = Code("SC0592");

/// httpd has not done its part, or another module has stopped it.
pub(super) const NOT_DONE: Code = Code("SC0593");

/// Runs `work`; if it panics, logs the entry point's name and returns
/// `fallback`.
pub(super) fn guard<T>(name: &str, fallback: T, work: impl FnOnce() -> T) -> T {
    catch(work).unwrap_or_else(|| {
        let words = format!("{INTERNAL} in {name}; please report it");
        log::server(Level::Error, &CONTAINED.says(words));
        fallback
    })
}

/// Runs `work`; returns `None` if it panics.
///
/// Half of `work` may have been done by then. Every caller's state is either
/// dropped with the request or replaced by the fallback.
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The payload's own destructor may panic in turn. A leak does no harm.
            std::mem::forget(payload);
            None
        }
    }
}
