//! The parent's look at a key file, and what follows from it.

use std::sync::Arc;

use session_crypto_core::{Event, KeySet, Keyring, locks};

use super::key_file::{KeyFile, KeysInForce};
use super::lines;
use super::shared_text::SharedText;
use super::watch::{Watch, next_end};
use crate::advice;
use crate::ffi::Level;
use crate::message::Message;
use crate::secrets::exposed;

/// A function that writes a line to the log.
pub(super) type Log<'l> = dyn FnMut(Level, &Message) + 'l;

/// Seconds between two lines that say that no key seals.
const BETWEEN_COMPLAINTS: u64 = 60;

impl KeyFile {
    /// Looks for a change of the file at a Unix time in seconds, and for keys that have ended.
    pub(super) fn look(&self, keyring: &Keyring, now: u64, log: &mut Log<'_>) {
        let mut watch = locks::lock(&self.watch);
        if watch.next_end.is_some_and(|end| end <= now) {
            self.wipe_ended(keyring, now, &mut watch);
        }
        if let (Some(path), Some(shared)) = (&self.path, self.shared.get()) {
            if watch.begins_anew(now) {
                log(Level::Notice, &lines::clock_went_back(&self.shown));
            }
            match watch.file.judgement(path, now) {
                None => (),
                Some(Ok((keys, exposure))) => {
                    keyring.counters().count(Event::Reload, 0);
                    self.replace(keys, shared, keyring, now, &mut watch, log);
                    if let Some(exposure) = exposure {
                        log(Level::Warning, &exposed(&self.shown, exposure));
                    }
                }
                Some(Err(flaw)) => {
                    keyring.counters().count(Event::FailedReload, 0);
                    let reason = advice::key_set_flaw(&flaw);
                    log(Level::Error, &lines::not_used(&self.shown, reason.words()));
                }
            }
        }
        self.complain(now, &mut watch, log);
    }

    /// Puts new keys in force, here and in the children, and says so then.
    fn replace(
        &self,
        keys: KeySet,
        shared: &SharedText,
        keyring: &Keyring,
        now: u64,
        watch: &mut Watch,
        log: &mut Log<'_>,
    ) {
        if keys.keys().any(|key| key.dates().has_ended(now)) {
            keyring.wipe_ended(&keys, now);
            watch.wiped_at = Some(now);
        }
        watch.next_end = next_end(&keys, now);
        let line = lines::in_force(&self.shown, &keys, now);
        self.exchange(keys, shared, keyring, now);
        log(Level::Notice, &line);
    }

    /// Exchanges the keys for others, unless they are the same.
    fn exchange(&self, keys: KeySet, shared: &SharedText, keyring: &Keyring, now: u64) {
        let text = keys.to_json();
        let former = self.in_force();
        if *text == *former.keys.to_json() {
            return;
        }
        // Children find the names of the keys once they have the text.
        keyring.name_keys(&keys, &self.shown, now);
        keyring.release_keys(&former.keys, &keys);
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
        watch.wiped_at = Some(now);
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
        // A clock that was ahead has gone back.
        let is_due = |last: u64| last > now || last.saturating_add(BETWEEN_COMPLAINTS) <= now;
        if watch.complained.is_none_or(is_due) {
            watch.complained = Some(now);
            log(Level::Error, &lines::none_seals(&self.shown));
        }
    }
}
