//! The state of the looks at a key file.

use session_crypto_core::{KeySet, KeySetWatch};

/// The state of the looks at a file.
pub(super) struct Watch {
    /// The judgement of the file; of a program, there is none.
    pub(super) file: KeySetWatch,
    /// When the next key ends, in Unix seconds.
    pub(super) next_end: Option<u64>,
    /// When a key was last wiped because it had ended, in Unix seconds.
    pub(super) wiped_at: Option<u64>,
    /// When the log said last that no key seals.
    pub(super) complained: Option<u64>,
}

impl Watch {
    /// Makes the state after the first reading.
    pub(super) fn new(file: KeySetWatch, keys: &KeySet) -> Self {
        Self {
            file,
            next_end: keys.keys().filter_map(|key| key.dates().expires).min(),
            wiped_at: None,
            complained: None,
        }
    }

    /// Whether the clock has gone back before a time at which a key was wiped. The next
    /// judgement is then of the file as it is, also if it has not changed.
    pub(super) fn begins_anew(&mut self, now: u64) -> bool {
        let is_back = self.wiped_at.is_some_and(|at| now < at);
        if is_back {
            // The clock may go back further, before the end of more keys.
            self.wiped_at = Some(now);
            self.file.begin_anew();
        }
        is_back
    }
}

/// When the next key ends after a Unix time in seconds.
pub(super) fn next_end(keys: &KeySet, now: u64) -> Option<u64> {
    let ends = keys.keys().filter_map(|key| key.dates().expires);
    ends.filter(|end| *end > now).min()
}
