//! The time now.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time now, in Unix seconds.
pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
