//! JWE master keys in memory that the processes of a server share.
//!
//! | words of a slot | content |
//! |---|---|
//! | 0 to 3 | the name of the key |
//! | 4 to 7 | the key |
//! | 8, 9 | a tag over both |
//! | 10 | the Unix time in seconds of the last use |
//! | 11 | the Unix time in seconds since which a process derives the key, or 0 |
//! | 12 to 15 | not used |
//!
//! There are no locks. A process may die between two words, and two processes may write
//! to one slot. In both cases the tag is wrong, and the slot counts as empty.

use std::hash::Hasher;
use std::sync::atomic::{AtomicU64, Ordering};

use siphasher::sip128::{Hasher128, SipHasher24};
use zeroize::Zeroizing;

/// The name of a master key: 32 bytes that follow from its passphrase, its digest and a
/// secret of the server.
pub(crate) type MasterKeyName = [u64; 4];

/// The bytes of a master key, as words.
pub(crate) type KeyWords = Zeroizing<[u64; 4]>;

/// Slots of a set. A name belongs to one set, where a new key replaces the one used
/// longest ago.
const WAYS: usize = 8;

/// Words of a slot: two cache lines.
const SLOT: usize = 16;
const SET: usize = SLOT * WAYS;

/// Seconds that a process has to publish a key that it has begun to derive. After that,
/// the others take it for dead.
const CLAIM: u64 = 3;

/// A set-associative table of master keys.
pub(crate) struct MasterTable {
    words: &'static [AtomicU64],
    tag_key: [u8; 16],
}

struct Slot<'t> {
    name: &'t [AtomicU64; 4],
    key: &'t [AtomicU64; 4],
    tag: &'t [AtomicU64; 2],
    used: &'t AtomicU64,
    claimed: &'t AtomicU64,
}

impl MasterTable {
    /// Makes a table of these words, whose tags are computed under `tag_key`.
    pub(crate) fn new(words: &'static [AtomicU64], tag_key: [u8; 16]) -> Self {
        Self { words, tag_key }
    }

    /// Finds a key, and notes that it was used.
    pub(crate) fn find(&self, name: &MasterKeyName, now: u64) -> Option<KeyWords> {
        self.slots(name).find_map(|slot| {
            let tag = load(slot.tag);
            let key = Zeroizing::new(load(slot.key));
            if load(slot.name) != *name || tag != self.tag(name, &key) {
                return None;
            }
            slot.used.store(now, Ordering::Relaxed);
            Some(key)
        })
    }

    /// Whether a process is deriving this key.
    pub(crate) fn is_claimed(&self, name: &MasterKeyName, now: u64) -> bool {
        self.slots(name)
            .filter(|slot| load(slot.name) == *name)
            .any(|slot| slot.claimed.load(Ordering::Relaxed).abs_diff(now) <= CLAIM)
    }

    /// Tells the other processes that this one derives this key, so that they wait.
    pub(crate) fn claim(&self, name: &MasterKeyName, now: u64) {
        if let Some(slot) = self.slot_for(name) {
            store(slot.tag, &[0; 2]);
            store(slot.key, &[0; 4]);
            store(slot.name, name);
            slot.used.store(now, Ordering::Relaxed);
            slot.claimed.store(now, Ordering::Relaxed);
        }
    }

    /// Tells the other processes that this one has failed to derive this key.
    pub(crate) fn release(&self, name: &MasterKeyName) {
        for slot in self.slots(name).filter(|slot| load(slot.name) == *name) {
            slot.claimed.store(0, Ordering::Relaxed);
        }
    }

    /// Puts a key where the other processes find it.
    pub(crate) fn publish(&self, name: &MasterKeyName, key: &KeyWords, now: u64) {
        if let Some(slot) = self.slot_for(name) {
            store(slot.name, name);
            store(slot.key, key);
            store(slot.tag, &self.tag(name, key));
            slot.used.store(now, Ordering::Relaxed);
            slot.claimed.store(0, Ordering::Relaxed);
        }
    }

    /// The slot with this name, or else the slot used longest ago.
    fn slot_for(&self, name: &MasterKeyName) -> Option<Slot<'_>> {
        let rank = |slot: &Slot<'_>| (load(slot.name) != *name, slot.used.load(Ordering::Relaxed));
        self.slots(name).min_by_key(rank)
    }

    fn slots(&self, name: &MasterKeyName) -> impl Iterator<Item = Slot<'static>> + use<> {
        let sets = self.words.len() / SET;
        let [first, ..] = name;
        let index = u64::try_from(sets)
            .ok()
            .and_then(|sets| first.checked_rem(sets))
            .and_then(|index| usize::try_from(index).ok());
        let set = index.and_then(|index| self.words.chunks_exact(SET).nth(index));
        set.unwrap_or_default()
            .chunks_exact(SLOT)
            .filter_map(Slot::of)
    }

    fn tag(&self, name: &MasterKeyName, key: &[u64; 4]) -> [u64; 2] {
        let mut hasher = SipHasher24::new_with_key(&self.tag_key);
        for word in name.iter().chain(key) {
            hasher.write_u64(*word);
        }
        let tag = hasher.finish128();
        [tag.h1, tag.h2]
    }
}

impl<'t> Slot<'t> {
    fn of(words: &'t [AtomicU64]) -> Option<Self> {
        let (name, words) = words.split_first_chunk()?;
        let (key, words) = words.split_first_chunk()?;
        let (tag, words) = words.split_first_chunk()?;
        let [used, claimed, ..] = words else {
            return None;
        };
        Some(Self {
            name,
            key,
            tag,
            used,
            claimed,
        })
    }
}

fn load<const N: usize>(words: &[AtomicU64; N]) -> [u64; N] {
    words.each_ref().map(|word| word.load(Ordering::Relaxed))
}

fn store<const N: usize>(words: &[AtomicU64; N], values: &[u64; N]) {
    for (word, value) in words.iter().zip(values) {
        word.store(*value, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_memory::SharedMemory;

    const NOON: u64 = 1_800_000_000;

    fn words() -> &'static [AtomicU64] {
        let (_, words) = SharedMemory::alone().masters.split_at(SharedMemory::RATES);
        words
    }

    fn table() -> MasterTable {
        MasterTable::new(words(), [7; 16])
    }

    fn name(number: u64) -> MasterKeyName {
        [number.wrapping_mul(0x9e37_79b9_7f4a_7c15), number, 3, 4]
    }

    fn key(number: u64) -> KeyWords {
        Zeroizing::new([number, number, number, number])
    }

    #[test]
    fn finds_what_another_process_has_published() {
        let words = words();
        let (one, other) = (
            MasterTable::new(words, [7; 16]),
            MasterTable::new(words, [7; 16]),
        );
        assert!(other.find(&name(1), NOON).is_none());
        one.publish(&name(1), &key(1), NOON);
        assert_eq!(other.find(&name(1), NOON), Some(key(1)));
        assert!(other.find(&name(2), NOON).is_none());
    }

    #[test]
    fn a_key_with_one_changed_bit_is_not_found() {
        let table = table();
        table.publish(&name(1), &key(1), NOON);
        let used = table.words.iter().enumerate();
        let used: Vec<usize> = used
            .filter(|(_, word)| word.load(Ordering::Relaxed) != 0)
            .map(|(index, _)| index % SLOT)
            .collect();
        assert_eq!(used, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
        for word in table.words {
            let right = word.load(Ordering::Relaxed);
            for wrong in [right ^ 1, right ^ (1 << 63)] {
                word.store(wrong, Ordering::Relaxed);
                let found = table.find(&name(1), NOON);
                assert!(found.is_none() || found == Some(key(1)));
                let is_key = (right != 0) && right != NOON;
                assert_eq!(found.is_some(), !is_key);
                word.store(right, Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn a_process_that_dies_while_deriving_does_not_block_the_others() {
        let table = table();
        table.claim(&name(1), NOON);
        assert!(table.is_claimed(&name(1), NOON + 1));
        assert!(table.find(&name(1), NOON).is_none());
        assert!(!table.is_claimed(&name(1), NOON + CLAIM + 1));
        table.publish(&name(1), &key(1), NOON + CLAIM + 1);
        assert_eq!(table.find(&name(1), NOON), Some(key(1)));
    }

    #[test]
    fn a_failed_derivation_ends_its_claim() {
        let table = table();
        table.claim(&name(1), NOON);
        table.release(&name(1));
        assert!(!table.is_claimed(&name(1), NOON));
    }

    #[test]
    fn a_key_in_use_stays_under_a_flood() {
        let table = table();
        table.publish(&name(0), &key(0), NOON);
        for number in 1..100_000 {
            table.publish(&name(number), &key(number), NOON + number);
            assert_eq!(table.find(&name(0), NOON + number), Some(key(0)));
        }
    }

    #[test]
    fn a_new_claim_overwrites_the_key_before() {
        let table = table();
        table.publish(&name(1), &key(0xdead_beef), NOON);
        for number in 2..100_000 {
            table.claim(&name(number), NOON + number);
        }
        let left = table.words.iter();
        let left = left.filter(|word| word.load(Ordering::Relaxed) == 0xdead_beef);
        assert_eq!(left.count(), 0);
    }

    #[test]
    fn readers_beside_writers_see_no_torn_key() {
        let table = table();
        std::thread::scope(|scope| {
            for writer in 0..2_u64 {
                let table = &table;
                scope.spawn(move || {
                    for round in 0..50_000 {
                        table.publish(&name(1), &key(round * 2 + writer), NOON);
                    }
                });
            }
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..50_000 {
                        if let Some(found) = table.find(&name(1), NOON) {
                            let [first, ..] = *found;
                            assert_eq!(found, key(first));
                        }
                    }
                });
            }
        });
    }
}
