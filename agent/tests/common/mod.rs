//! Stores and servers for the tests of this folder.
#![allow(dead_code, reason = "no test uses all of it")]

pub(crate) mod redis_server;
pub(crate) mod web_server;

use std::time::{Duration, Instant};

/// The longest time that a test waits for what must happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, is_so: impl FnMut() -> bool) {
    let waited = wait(PATIENCE, is_so);
    assert!(waited.is_some(), "{what}: not within {PATIENCE:?}");
}

/// Waits until something is so, and returns how long that took.
pub(crate) fn wait(longest: Duration, mut is_so: impl FnMut() -> bool) -> Option<Duration> {
    let start = Instant::now();
    while start.elapsed() < longest {
        if is_so() {
            return Some(start.elapsed());
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    None
}
