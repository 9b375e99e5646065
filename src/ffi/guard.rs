//! What happens when our code panics.
//!
//! A panic that leaves an `extern "C"` function aborts the child and every
//! request of its threads, so each entry point runs under [`guard`]. The
//! fallback is the value that fails closed for that entry.

use std::panic::{self, AssertUnwindSafe};

use super::log::{self, Level};

/// Runs `entry`, or answers `fallback` and says so if it panics.
///
/// What `entry` had half done stays so; every caller's state is either
/// dropped with the request or replaced by `fallback`.
pub(super) fn guard<T>(fallback: T, entry: impl FnOnce() -> T) -> T {
    match panic::catch_unwind(AssertUnwindSafe(entry)) {
        Ok(value) => value,
        Err(payload) => {
            // A payload's own destructor may panic in turn; nothing to save there.
            std::mem::forget(payload);
            log::server(
                Level::Error,
                "an internal error was contained; please report it",
            );
            fallback
        }
    }
}
