//! The parent's looks at a file.
//!
//! A file that is replaced by another one counts at once. A file that is written in place
//! counts when a second look finds it as the first did, because half of it may be written. A
//! mistake waits for a second look for the same reason.

use std::io;
use std::path::Path;
use std::sync::{Arc, PoisonError};

use session_crypto_core::{Exposure, KeySet, Keyring};

use super::key_file::{self, A_SET, KeyFile, KeysInForce};
use super::reading::{self, Identity, Reading};
use super::shared_text::SharedText;
use crate::advice;
use crate::ffi::Level;

/// The state of the looks at a file.
pub(super) struct Watch {
    /// The file at the last look that counted.
    judged: Option<Sight>,
    /// The file at the last look, if that did not count.
    suspect: Option<Sight>,
    /// When the next key ends, in Unix seconds.
    next_end: Option<u64>,
    /// When the log said last that no key seals.
    complained: Option<u64>,
}

/// A file that a path names, or the reason why there is none.
type Sight = Result<Identity, io::ErrorKind>;

/// A function that writes a line to the log.
pub(super) type Log<'l> = dyn FnMut(Level, &str) + 'l;

/// A set of keys, with the rights of its file.
type GoodSet = (KeySet, Option<Exposure>);

/// Seconds between two lines that say that no key seals.
const BETWEEN_COMPLAINTS: u64 = 60;

impl Watch {
    /// Makes the state after the first reading.
    pub(super) fn new(identity: Option<Identity>, keys: &KeySet) -> Self {
        Self {
            judged: identity.map(Ok),
            suspect: None,
            next_end: next_end(keys, 0),
            complained: None,
        }
    }
}

impl KeyFile {
    /// Looks for a change of the file at a Unix time in seconds, and for keys that have ended.
    pub(super) fn look(&self, keyring: &Keyring, now: u64, log: &mut Log<'_>) {
        let mut watch = self.watch.lock().unwrap_or_else(PoisonError::into_inner);
        if watch.next_end.is_some_and(|end| end <= now) {
            self.wipe_ended(keyring, now, &mut watch);
        }
        if let (Some(path), Some(shared)) = (&self.path, self.shared.get()) {
            match watch.judgement(path, now) {
                None => (),
                Some(Ok((keys, exposure))) => {
                    self.replace(keys, shared, keyring, now, &mut watch, log);
                    if let Some(exposure) = exposure.map(advice::exposure) {
                        log(Level::Warning, &format!("{} {exposure}", self.shown));
                    }
                }
                Some(Err(reason)) => {
                    log(
                        Level::Error,
                        &advice::key_file_not_used(&self.shown, &reason),
                    );
                }
            }
        }
        self.complain(now, &mut watch, log);
    }

    /// Puts new keys in force, here and in the children.
    fn replace(
        &self,
        keys: KeySet,
        shared: &SharedText,
        keyring: &Keyring,
        now: u64,
        watch: &mut Watch,
        log: &mut Log<'_>,
    ) {
        keyring.wipe_ended(&keys, now);
        let text = keys.to_json();
        let former = self.in_force();
        watch.next_end = next_end(&keys, now);
        log(
            Level::Notice,
            &advice::key_file_read(&self.shown, &keys, now),
        );
        if *text == *former.keys.to_json() {
            return;
        }
        let generation = shared.publish(text.as_bytes());
        let keys = KeysInForce {
            keys: Arc::new(keys),
            generation,
        };
        self.put_in_force(keys, keyring);
    }

    /// Wipes the keys that have ended, also where children read them. Children wipe their own
    /// copies when they next use the file.
    fn wipe_ended(&self, keyring: &Keyring, now: u64, watch: &mut Watch) {
        let KeysInForce { keys, generation } = self.in_force();
        keyring.wipe_ended(&keys, now);
        watch.next_end = next_end(&keys, now);
        if let Some(shared) = self.shared.get().filter(|_| generation != 0) {
            shared.rewrite(keys.to_json().as_bytes());
        }
    }

    /// Says once a minute that no key seals.
    fn complain(&self, now: u64, watch: &mut Watch, log: &mut Log<'_>) {
        if self.in_force().keys.sealing(now).is_some() {
            watch.complained = None;
            return;
        }
        let next = |last: u64| last.saturating_add(BETWEEN_COMPLAINTS);
        if watch.complained.is_none_or(|last| next(last) <= now) {
            watch.complained = Some(now);
            log(Level::Error, &advice::no_key_seals(&self.shown));
        }
    }
}

impl Watch {
    /// Looks at a file; `None` if it is as it was judged before, or cannot be judged yet.
    fn judgement(&mut self, path: &Path, now: u64) -> Option<Result<GoodSet, String>> {
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
                key_file::parse(&text, now).map(|keys| (keys, exposure))
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
fn next_end(keys: &KeySet, now: u64) -> Option<u64> {
    let ends = keys.keys().filter_map(|key| key.dates().expires);
    ends.filter(|end| *end > now).min()
}
