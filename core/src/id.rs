//! Numbers that tell passphrases and certificates of a process apart.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that this process has not given out before.
pub(crate) fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
