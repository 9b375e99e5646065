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

/// The place of a panic.
const PLACE: Code = Code("SC0595");

/// httpd has not done its part, or another module has stopped it.
pub(super) const NOT_DONE: Code = Code("SC0593");

/// Has each panic say its place in the error log, and not its words: those may quote a secret
/// that the code was at work on.
pub(super) fn say_places() {
    panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            let (file, line) = (place.file(), place.line());
            let words = format!("a panic in {file}, line {line}; please report it");
            log::server(Level::Error, &PLACE.says(words));
        }
    }));
}

/// Runs `work`; if it panics, logs the entry point's name and returns
/// `fallback`.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub(super) fn guard<T>(name: &str, fallback: T, work: impl FnOnce() -> T) -> T {
    catch(work).unwrap_or_else(|| {
        catch_quietly(|| {
            let words = format!("{INTERNAL} in {name}; please report it");
            log::server(Level::Error, &CONTAINED.says(words));
        });
        fallback
    })
}

/// Runs `work`; returns `None` if it panics.
///
/// Half of `work` may have been done by then. Every caller's state is either
/// dropped with the request or replaced by the fallback.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub(super) fn catch<T>(work: impl FnOnce() -> T) -> Option<T> {
    #[cfg(feature = "planted-panics")]
    let work = session_crypto_core::with_planted_panics(work);
    catch_quietly(work)
}

/// Runs `work`, at which no test plants a panic, because it follows on one; returns `None` if
/// it panics.
pub(super) fn catch_quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => Some(value),
        Err(payload) => {
            // The payload's own destructor may panic in turn. A leak does no harm.
            std::mem::forget(payload);
            None
        }
    }
}
