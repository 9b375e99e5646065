//! The judgement of a file that changes.
//!
//! A file that is replaced by another one counts at once. A file that is written in place
//! counts when a second look finds it as the first did, because half of it may be written. A
//! mistake waits for a second look for the same reason.

use std::io;
use std::path::Path;

use session_crypto_core::{Exposure, KeySet};

use super::reading::{self, A_SET, Identity, Reading};
use crate::advice;

/// The state of the looks at a file.
pub(super) struct Watch {
    /// The file at the last look that counted.
    judged: Option<Sight>,
    /// The file at the last look, if that did not count.
    suspect: Option<Sight>,
    /// When the next key ends, in Unix seconds.
    pub(super) next_end: Option<u64>,
    /// When a key was last wiped because it had ended, in Unix seconds.
    pub(super) wiped_at: Option<u64>,
    /// When the log said last that no key seals.
    pub(super) complained: Option<u64>,
}

/// A file that a path names, or the reason why there is none.
type Sight = Result<Identity, io::ErrorKind>;

/// A set of keys, with the rights of its file.
type GoodSet = (KeySet, Option<Exposure>);

impl Watch {
    /// Makes the state after the first reading.
    pub(super) fn new(identity: Option<Identity>, keys: &KeySet) -> Self {
        Self {
            judged: identity.map(Ok),
            suspect: None,
            next_end: keys.keys().filter_map(|key| key.dates().expires).min(),
            wiped_at: None,
            complained: None,
        }
    }

    /// Whether the clock is before the end of a key that was wiped. The next judgement is
    /// then of the file as it is, also if it has not changed.
    pub(super) fn begins_anew(&mut self, now: u64) -> bool {
        let is_back = self.wiped_at.take_if(|at| now < *at).is_some();
        if is_back {
            self.judged = None;
            self.suspect = None;
        }
        is_back
    }

    /// Looks at a file; `None` if it is as it was judged before, or cannot be judged yet.
    pub(super) fn judgement(&mut self, path: &Path, now: u64) -> Option<Result<GoodSet, String>> {
        let sight = Identity::of(path).map_err(|error| error.kind());
        if self.judged == Some(sight) {
            self.suspect = None;
            return None;
        }
        let is_second = self.suspect == Some(sight);
        self.suspect = Some(sight);
        let is_in_place = match (self.judged, sight) {
            (Some(Ok(judged)), Ok(file)) => judged.is_same_file(&file),
            _ => false,
        };
        if is_in_place && !is_second {
            return None;
        }
        let outcome = match reading::read(path) {
            Ok(read) => {
                let is_whole = Ok(read.identity) == sight
                    && Identity::of(path).is_ok_and(|after| after == read.identity);
                if !is_whole {
                    return None;
                }
                let Reading { text, exposure, .. } = read;
                reading::parse(&text, now).map(|keys| (keys, exposure))
            }
            Err(error) => Err(advice::unreadable_file(&error, A_SET)),
        };
        if outcome.is_err() && !is_second {
            return None;
        }
        self.judged = Some(sight);
        self.suspect = None;
        Some(outcome)
    }
}

/// When the next key ends after a Unix time in seconds.
pub(super) fn next_end(keys: &KeySet, now: u64) -> Option<u64> {
    let ends = keys.keys().filter_map(|key| key.dates().expires);
    ends.filter(|end| *end > now).min()
}
