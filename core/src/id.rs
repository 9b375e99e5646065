//! Numbers that tell the passphrases and the certificates of a process apart.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that this process has never returned before.
pub(crate) fn next() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
