//! The counters of keys: their names, what was done with each, and the sums.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use crate::counters::counters::Counters;
use crate::counters::directory::Directory;
use crate::counters::event::Event;
use crate::counters::key::{CountedAs, CountedKey, KeyCounter, KeyCounts, KeyEvent, SecretKind};
use crate::counters::layout::{CELL, EVENTS, SLOTS, Stripe};
use crate::fingerprint::Fingerprint;

impl Counters {
    /// Finds or makes the counter of a key of the configuration; [`KeyCounter::OTHER`] if
    /// there is no room.
    ///
    /// `now` is the Unix time in seconds.
    pub fn key(&self, key: &CountedKey<'_>, now: u64) -> KeyCounter {
        let directory = Directory::new(self.words);
        let named = directory.name(key, (self.configuration(), now), |slot, entry| {
            let last_use = self.last_opened(slot).max(self.last_sealed(slot));
            last_use.max(entry.since())
        });
        let Some(slot) = named else {
            return KeyCounter::OTHER;
        };
        if slot.is_new {
            self.clear(slot.counter);
        }
        slot.counter
    }

    /// The counter of a key that another process has named; [`KeyCounter::OTHER`] if it has
    /// none.
    pub fn find(&self, identity: Fingerprint) -> KeyCounter {
        let directory = Directory::new(self.words);
        directory.find(identity).unwrap_or(KeyCounter::OTHER)
    }

    /// Notes the id of a key in tokens, which was not known when it was named.
    pub fn note_kid(&self, key: KeyCounter, kid: &str) {
        if let Some(entry) = Directory::new(self.words).entry(key) {
            entry.write_kid(kid);
        }
    }

    /// Notes that a key is no longer configured. It keeps its counts.
    pub fn release(&self, key: KeyCounter) {
        if let Some(entry) = Directory::new(self.words).entry(key) {
            entry.set_configured(0);
        }
    }

    /// Notes that a section of this configuration seals with a key.
    pub fn note_sealing(&self, key: KeyCounter) {
        if let Some(entry) = Directory::new(self.words).entry(key) {
            entry.set_seals(self.configuration());
        }
    }

    /// Counts what was done with a key, at a Unix time in seconds.
    #[inline]
    pub fn count_key(&self, key: KeyCounter, what: KeyEvent, now: u64, processor: usize) {
        if let Some(stripe) = self.stripe(processor) {
            count_in(stripe, key, what, now);
        }
    }

    /// Counts a token: by its format, and by its key.
    #[inline]
    pub(crate) fn count_token(&self, token: CountedAs, what: KeyEvent, now: u64, processor: usize) {
        let Some(stripe) = self.stripe(processor) else {
            return;
        };
        let event = match what {
            KeyEvent::Sealed => Event::Sealed(token.format),
            KeyEvent::Opened => Event::Opened(token.format),
        };
        if let Some(word) = stripe.get(event.number()) {
            word.fetch_add(1, Ordering::Relaxed);
        }
        count_in(stripe, token.key, what, now);
    }

    /// The counts of all keys that are configured or were used, in the order of kind, place
    /// and id.
    pub fn keys(&self) -> Vec<KeyCounts> {
        let configuration = self.configuration();
        let mut keys = BTreeMap::new();
        for (counter, entry) in Directory::new(self.words).entries() {
            let Some(name) = entry.read() else { continue };
            let counts = KeyCounts {
                kind: name.kind,
                kid: name.kid,
                place: name.place,
                is_configured: entry.configured() == configuration,
                seals: entry.seals() == configuration,
                since: name.since,
                ..self.counts(counter, SecretKind::Other)
            };
            if !counts.is_configured && !counts.is_used() {
                continue;
            }
            let order = (name.kind.number(), counts.place.clone(), counts.kid.clone());
            keys.insert((order, counter), counts);
        }
        let together = [
            (KeyCounter::HTACCESS, SecretKind::Htaccess),
            (KeyCounter::OTHER, SecretKind::Other),
        ];
        let together = together.map(|(counter, kind)| self.counts(counter, kind));
        let together = together.into_iter();
        let used = together.filter(KeyCounts::is_used);
        keys.into_values().chain(used).collect()
    }

    /// The counts of a slot, without the name of its keys.
    fn counts(&self, counter: KeyCounter, kind: SecretKind) -> KeyCounts {
        let (last_opened, last_sealed) = (self.last_opened(counter), self.last_sealed(counter));
        let cell = cell(counter);
        KeyCounts {
            counter,
            kind,
            kid: None,
            place: String::new(),
            is_configured: true,
            seals: false,
            since: self.began(),
            sealed: self.sum_at(cell),
            opened: self.sum_at(cell.saturating_add(1)),
            last_sealed: (last_sealed != 0).then_some(last_sealed),
            last_opened: (last_opened != 0).then_some(last_opened),
        }
    }

    /// When a key opened a token last; 0 if it never did.
    fn last_opened(&self, key: KeyCounter) -> u64 {
        self.latest_at(cell(key).saturating_add(2))
    }

    /// When a key sealed a session last; 0 if it never did.
    fn last_sealed(&self, key: KeyCounter) -> u64 {
        self.latest_at(cell(key).saturating_add(3))
    }

    /// The latest of the times at an index of each stripe.
    fn latest_at(&self, index: usize) -> u64 {
        let times = self.at(index).map(|time| time.load(Ordering::Relaxed));
        times.max().unwrap_or_default()
    }

    /// Sets the counts of a slot to zero.
    fn clear(&self, key: KeyCounter) {
        for index in cell(key)..cell(key).saturating_add(CELL) {
            self.at(index)
                .for_each(|word| word.store(0, Ordering::Relaxed));
        }
    }
}

/// Counts what was done with a key in a stripe.
#[inline]
fn count_in(stripe: &Stripe, key: KeyCounter, what: KeyEvent, now: u64) {
    let cell = stripe.get(cell(key)..).and_then(<[_]>::first_chunk::<CELL>);
    let Some([sealed, opened, last_opened, last_sealed]) = cell else {
        return;
    };
    let (count, last) = match what {
        KeyEvent::Sealed => (sealed, last_sealed),
        KeyEvent::Opened => (opened, last_opened),
    };
    count.fetch_add(1, Ordering::Relaxed);
    // A thread that was moved to another processor may write an older time at most once.
    if last.load(Ordering::Relaxed) < now {
        last.store(now, Ordering::Relaxed);
    }
}

/// The first word of a key in a stripe.
#[inline]
fn cell(key: KeyCounter) -> usize {
    // The mask shows the compiler that the index is in the stripe.
    let slot = usize::from(key.0) & (SLOTS - 1);
    slot.wrapping_mul(CELL).wrapping_add(EVENTS)
}

const _: () = assert!(SLOTS.is_power_of_two(), "the mask needs a power of two");

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::counters::event::TokenFormat;
    use crate::shared_memory::leaked;

    const NOON: u64 = 1_800_000_000;

    fn counters(processors: usize) -> Counters {
        let counters = Counters::view(leaked(Counters::words(processors)));
        counters.begin(NOON, 5);
        counters
    }

    fn name(counters: &Counters, place: &str, now: u64) -> KeyCounter {
        let key = CountedKey {
            kind: SecretKind::Passphrase,
            identity: Fingerprint::of([place.as_bytes()]),
            kid: None,
            place,
        };
        counters.key(&key, now)
    }

    fn counts(counters: &Counters, place: &str) -> Option<KeyCounts> {
        counters.keys().into_iter().find(|key| key.place == place)
    }

    #[test]
    fn no_count_of_many_threads_is_lost() {
        let (counters, event) = (counters(4), Event::Opened(TokenFormat::Jwe));
        let key = name(&counters, "file line 1", NOON);
        thread::scope(|scope| {
            for processor in 0..16 {
                scope.spawn(move || {
                    for _ in 0..20_000 {
                        counters.count(event, processor);
                        counters.count_key(key, KeyEvent::Opened, NOON, processor);
                    }
                });
            }
        });
        assert_eq!(counters.sum(event), 320_000);
        assert_eq!(counts(&counters, "file line 1").unwrap().opened, 320_000);
    }

    #[test]
    fn keys_are_counted_apart_and_keep_the_time_of_their_last_opening() {
        let counters = counters(2);
        let (one, other) = (name(&counters, "a", NOON), name(&counters, "b", NOON + 1));
        counters.count_key(one, KeyEvent::Sealed, NOON + 5, 0);
        for (processor, now) in [(0, NOON + 7), (1, NOON + 9), (1, NOON + 8)] {
            counters.count_key(other, KeyEvent::Opened, now, processor);
        }
        counters.note_sealing(one);
        let (one, other) = (
            counts(&counters, "a").unwrap(),
            counts(&counters, "b").unwrap(),
        );
        assert_eq!((one.sealed, one.opened, one.last_opened), (1, 0, None));
        assert_eq!((one.last_sealed, other.last_sealed), (Some(NOON + 5), None));
        assert_eq!((other.sealed, other.opened), (0, 3));
        assert_eq!(other.last_opened, Some(NOON + 9));
        assert_eq!((one.since, other.since), (NOON, NOON + 1));
        assert!(one.seals && !other.seals && one.is_configured);
    }

    #[test]
    fn keys_that_are_counted_together_are_shown_once_used() {
        let counters = counters(1);
        assert_eq!(counters.keys(), []);
        counters.count_key(KeyCounter::OTHER, KeyEvent::Opened, NOON, 0);
        counters.count_key(KeyCounter::HTACCESS, KeyEvent::Sealed, NOON, 0);
        let kinds: Vec<_> = counters.keys().iter().map(|key| key.kind).collect();
        assert_eq!(kinds, [SecretKind::Htaccess, SecretKind::Other]);
    }

    #[test]
    fn a_key_keeps_its_counts_when_a_configuration_is_read_again() {
        let words = leaked(Counters::words(2));
        let before = Counters::view(words);
        before.begin(NOON, 5);
        for place in ["stays", "goes"] {
            let key = name(&before, place, NOON);
            before.count_key(key, KeyEvent::Opened, NOON, 1);
            before.note_sealing(key);
        }
        before.count(Event::Stale, 0);
        let after = Counters::view(words);
        after.begin(NOON + 60, 65);
        assert!(!counts(&after, "stays").unwrap().is_configured);
        name(&after, "stays", NOON + 60);
        let (stays, goes) = (
            counts(&after, "stays").unwrap(),
            counts(&after, "goes").unwrap(),
        );
        assert_eq!((stays.opened, stays.since), (1, NOON));
        assert_eq!((goes.opened, goes.since), (1, NOON));
        assert!(stays.is_configured && !goes.is_configured);
        assert!(!stays.seals && !goes.seals);
        assert_eq!((after.sum(Event::Stale), after.began()), (1, NOON));
    }

    #[test]
    fn a_key_that_is_released_is_not_configured_and_keeps_its_counts() {
        let counters = counters(1);
        let key = name(&counters, "file", NOON);
        counters.count_key(key, KeyEvent::Opened, NOON, 0);
        counters.release(key);
        let counts = counts(&counters, "file").unwrap();
        assert_eq!((counts.is_configured, counts.opened), (false, 1));
    }

    #[test]
    fn many_threads_give_each_key_one_slot() {
        let counters = counters(1);
        let places: Vec<String> = (0..SLOTS - 2)
            .map(|number| format!("key {number}"))
            .collect();
        let named: Vec<Vec<KeyCounter>> = thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|thread| {
                    let mut places: Vec<&String> = places.iter().collect();
                    places.rotate_left(thread * 7);
                    scope.spawn(move || {
                        let mut named: Vec<_> = places
                            .iter()
                            .map(|place| (*place, name(&counters, place, NOON)))
                            .collect();
                        named.sort();
                        named.into_iter().map(|(_, counter)| counter).collect()
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        let (first, others) = named.split_first().unwrap();
        assert!(others.iter().all(|other| other == first));
        let mut slots = first.clone();
        slots.sort();
        slots.dedup();
        assert_eq!(slots.len(), SLOTS - 2);
        assert!(!slots.contains(&KeyCounter::OTHER) && !slots.contains(&KeyCounter::HTACCESS));
        assert_eq!(counters.keys().len(), SLOTS - 2);
    }

    #[test]
    fn a_key_of_this_configuration_never_loses_its_slot() {
        let counters = counters(1);
        for number in 0..SLOTS - 2 {
            assert_ne!(
                name(&counters, &format!("key {number}"), NOON),
                KeyCounter::OTHER
            );
        }
        assert_eq!(name(&counters, "one more", NOON), KeyCounter::OTHER);
        assert_eq!(counters.keys().len(), SLOTS - 2);
    }

    #[test]
    fn a_new_key_gets_the_slot_that_was_not_used_for_longest() {
        let counters = counters(2);
        for number in 0..SLOTS - 2 {
            let key = name(&counters, &format!("key {number}"), NOON);
            let now = NOON + 10_000 - u64::try_from(number).unwrap();
            counters.count_key(key, KeyEvent::Opened, now, number);
        }
        counters.begin(NOON, 5);
        // The last key was used the longest ago, and is configured again.
        let last = format!("key {}", SLOTS - 3);
        let kept = name(&counters, &last, NOON);
        let new = name(&counters, "new", NOON + 20_000);
        assert_ne!(new, KeyCounter::OTHER);
        assert_eq!(counts(&counters, &format!("key {}", SLOTS - 4)), None);
        let new = counts(&counters, "new").unwrap();
        assert_eq!(
            (new.opened, new.last_opened, new.since),
            (0, None, NOON + 20_000)
        );
        assert_eq!(counts(&counters, &last).unwrap().counter, kept);
        assert_eq!(counters.keys().len(), SLOTS - 2);
    }

    #[test]
    fn another_process_finds_a_key_by_its_identity() {
        let counters = counters(1);
        let key = name(&counters, "file", NOON);
        assert_eq!(counters.find(Fingerprint::of([&b"file"[..]])), key);
        assert_eq!(
            counters.find(Fingerprint::of([&b"other"[..]])),
            KeyCounter::OTHER
        );
    }

    #[test]
    fn without_memory_nothing_is_counted() {
        for counters in [Counters::none(), Counters::view(leaked(100))] {
            counters.begin(NOON, 5);
            counters.count(Event::Stale, 3);
            let key = name(&counters, "file", NOON);
            counters.count_key(key, KeyEvent::Opened, NOON, 3);
            counters.note_sealing(key);
            counters.release(key);
            assert_eq!(key, KeyCounter::OTHER);
            assert_eq!((counters.sum(Event::Stale), counters.began()), (0, 0));
            assert_eq!(counters.keys(), []);
        }
    }
}
