//! The names of the keys that are counted: which slot a key has.
//!
//! A key gets a slot when it is first named, and keeps it over restarts, with its counts.
//! Slots are claimed with a compare-and-swap, so that no process waits for another one. When
//! all are taken, a new key gets the slot of the key that was not used for longest, if the
//! configuration in force does not have it.

use std::sync::atomic::AtomicU64;

use crate::counters::entry::{Claimed, Entry};
use crate::counters::key::{CountedKey, KeyCounter};
use crate::counters::layout::{ENTRY, NAMES, SLOTS};
use crate::fingerprint::Fingerprint;

/// The names, in the words of all counters.
#[derive(Clone, Copy)]
pub(crate) struct Directory<'m> {
    words: &'m [AtomicU64],
}

/// A slot, and whether a key has just got it.
pub(crate) struct Slot {
    pub(crate) counter: KeyCounter,
    /// The key had no slot before; counts of a former key may be there.
    pub(crate) is_new: bool,
}

/// The slots before this one stand for several keys: [`KeyCounter::OTHER`] and
/// [`KeyCounter::HTACCESS`].
const FIXED: u16 = 2;

/// The slot after the last.
const END: u16 = 512;
const _: () = assert!(SLOTS == 512, "a slot is a u16");

/// Attempts to get the slot of another key, in which other processes may be faster.
const ATTEMPTS: usize = 8;

impl<'m> Directory<'m> {
    /// Takes the words of all counters.
    pub(crate) fn new(words: &'m [AtomicU64]) -> Self {
        Self { words }
    }

    /// The entry of a slot.
    pub(crate) fn entry(&self, counter: KeyCounter) -> Option<Entry<'m>> {
        let start = usize::from(counter.0)
            .checked_mul(ENTRY)?
            .checked_add(NAMES)?;
        Entry::new(self.words.get(start..)?)
    }

    /// The slots that keys have, each with its entry.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (KeyCounter, Entry<'m>)> + use<'m> {
        let directory = *self;
        let slots = (FIXED..END).map(KeyCounter);
        let entries = slots.filter_map(move |slot| Some((slot, directory.entry(slot)?)));
        entries.filter(|(_, entry)| entry.claim() != 0)
    }

    /// The slot of a key that was named before.
    pub(crate) fn find(&self, identity: Fingerprint) -> Option<KeyCounter> {
        let number = number(identity);
        for slot in order(number) {
            match self.entry(slot)?.claim() {
                0 => return None,
                other if other == number => return Some(slot),
                _ => (),
            }
        }
        None
    }

    /// Finds or claims the slot of a key, and writes its name. `None` if each slot is in use.
    ///
    /// `last_use` tells when the key of a slot was used last.
    pub(crate) fn name(
        &self,
        key: &CountedKey<'_>,
        (configuration, now): (u64, u64),
        last_use: impl Fn(KeyCounter, Entry<'_>) -> u64,
    ) -> Option<Slot> {
        let number = number(key.identity);
        for _ in 0..ATTEMPTS {
            let taken = match self.take(number) {
                Some(taken) => taken,
                None => {
                    let unused = self.entries();
                    let unused = unused.filter(|(_, entry)| entry.configured() != configuration);
                    let (slot, entry) =
                        unused.min_by_key(|(slot, entry)| last_use(*slot, *entry))?;
                    let former = entry.claim();
                    // Another process has taken it, perhaps for the same key.
                    if entry.replace(former, number).is_err() {
                        continue;
                    }
                    entry.set_seals(0);
                    Slot {
                        counter: slot,
                        is_new: true,
                    }
                }
            };
            let entry = self.entry(taken.counter)?;
            entry.set_configured(configuration);
            entry.write(number, key, now);
            return Some(taken);
        }
        None
    }

    /// The slot of a key, or a free one; `None` if all are taken by others.
    fn take(&self, number: u64) -> Option<Slot> {
        // No entry becomes free again. So all that look for a key try the same entries, up to
        // the same free one, and a key has one slot.
        order(number).find_map(|counter| {
            let is_new = match self.entry(counter)?.take(number) {
                Claimed::New => true,
                Claimed::Before => false,
                Claimed::Taken => return None,
            };
            Some(Slot { counter, is_new })
        })
    }
}

/// The number that stands for a key; never 0.
fn number(identity: Fingerprint) -> u64 {
    let [first, second] = identity.words();
    (first ^ second.rotate_left(32)).max(1)
}

/// The slots in the order in which a key is looked for.
fn order(number: u64) -> impl Iterator<Item = KeyCounter> {
    let start = number.checked_rem(u64::from(END - FIXED));
    let start = start.and_then(|start| u16::try_from(start).ok());
    let start = start.unwrap_or_default().saturating_add(FIXED);
    (start..END).chain(FIXED..start).map(KeyCounter)
}
