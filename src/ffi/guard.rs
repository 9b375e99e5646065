//! What happens when our code panics.
//!
//! A panic that leaves an `extern "C"` function aborts the child and every
//! request of its threads, so each entry point runs under [`guard`]. The
//! fallback is the value that fails closed for that entry.

use std::panic::{self, AssertUnwindSafe};

use super::log::{self, Level};
use super::request::Request;

/// Where a panic is caught: what the error log says of it.
#[derive(Clone, Copy)]
pub(super) struct Entry<'r> {
    /// The function that httpd calls, in httpd's own words.
    name: &'static str,
    request: Option<Request<'r>>,
}

impl<'r> Entry<'r> {
    /// An entry that no request leads to.
    pub(super) const fn of_server(name: &'static str) -> Self {
        Self {
            name,
            request: None,
        }
    }

    /// An entry that a request leads to, if httpd passed one.
    pub(super) const fn of_request(name: &'static str, request: Option<Request<'r>>) -> Self {
        Self { name, request }
    }
}

/// Runs `work`, or answers `fallback` and says so if it panics.
///
/// Half of `work` may have been done; every caller's state is either
/// dropped with the request or replaced by `fallback`.
pub(super) fn guard<T>(entry: Entry<'_>, fallback: T, work: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(work)) {
        Ok(value) => value,
        Err(payload) => {
            // A payload's own destructor may panic in turn; nothing to save there.
            std::mem::forget(payload);
            report(entry);
            fallback
        }
    }
}

/// Says where the panic was. The line of a request names the client, too.
fn report(entry: Entry<'_>) {
    const WORDS: &str = "an internal error was contained";
    match entry.request {
        Some(request) => request.log(
            Level::Error,
            &format_args!(
                "{WORDS} in the {} hook, for host {}; please report it",
                entry.name,
                request.host().to_string_lossy()
            ),
        ),
        None => log::server(
            Level::Error,
            &format!("{WORDS} in {}; please report it", entry.name),
        ),
    }
}
