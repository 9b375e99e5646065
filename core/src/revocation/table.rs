//! The table of records, and how they are found.
//!
//! | words | content |
//! |---|---|
//! | 0 | tickets that were drawn |
//! | 1 | changes of records |
//! | 2 | records that were dropped for want of room |
//! | 3 | announcements of unsent records |
//! | 4 | the [rate](crate::rate::Rate) of warnings |
//! | 8 | 1 once there was a record that ends the sessions of a user |
//! | 16 | the Unix time in milliseconds at which the news from the store were complete |
//! | 64 to 4,159 | a ring of [announcements](crate::revocation::unsent) |
//! | from 4,160 | buckets of 8 [slots](crate::revocation::slot) |
//!
//! An id belongs to two buckets, and a new record goes to the one with more room. There are
//! twice as many slots as records. So each id finds a slot until there are about 1.3 times
//! as many records as the table is made for, or more.
//!
//! There are no locks: no process waits for another one, and a process may die between two
//! words.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate::{PARTS, Rate};
use crate::revocation::record::{Record, RecordId};
use crate::revocation::slot::{BUCKET, Bucket, SLOTS, Slot, halves, load, to_words};
use crate::shared_memory::leaked;

/// The ended sessions, in memory that the processes of a server share.
///
/// Times are Unix times in seconds, unless a name says milliseconds. No method waits. A
/// look-up costs two cache lines.
#[derive(Clone, Copy)]
pub struct RevocationTable {
    pub(super) header: Header,
    pub(super) ring: &'static [AtomicU64],
    pub(super) buckets: &'static [AtomicU64],
}

#[derive(Clone, Copy)]
pub(super) struct Header {
    pub(super) tickets: &'static AtomicU64,
    pub(super) changes: &'static AtomicU64,
    pub(super) evictions: &'static AtomicU64,
    pub(super) announcements: &'static AtomicU64,
    warnings: &'static AtomicU64,
    pub(super) users: &'static AtomicU64,
    heard: &'static AtomicU64,
}

/// Words of the header.
const HEADER: usize = 64;

/// Buckets in which records are counted.
const MOST_COUNTED: usize = 1 << 15;

/// Announcements that the ring keeps.
const RING: usize = 4096;

/// Warnings: one a minute.
const WARNINGS: Rate = Rate {
    interval: 60,
    burst: 1,
};

/// The header of a table of too few words.
static NO_HEADER: [AtomicU64; HEADER] = [const { AtomicU64::new(0) }; HEADER];

impl RevocationTable {
    /// The number of the layout of the words, which is another one after each change of it.
    /// A server whose module was replaced must not hand words of one layout to a table of
    /// another one.
    pub const LAYOUT: u64 = 1;

    /// Words of a table that keeps `size` records at least: 80 bytes a record, and 33 KiB.
    pub const fn words(size: usize) -> usize {
        // Two buckets at least, so that each id has two.
        let buckets = match size.saturating_mul(2).div_ceil(SLOTS) {
            0 | 1 => 2,
            buckets => buckets,
        };
        (HEADER + RING).saturating_add(buckets.saturating_mul(BUCKET))
    }

    /// Makes a table of [`RevocationTable::words`] words, which are all zero, or those of a
    /// table of the same size.
    pub fn new(words: &'static [AtomicU64]) -> Self {
        let (header, rest) = words
            .split_first_chunk::<HEADER>()
            .unwrap_or((&NO_HEADER, &[]));
        let (ring, buckets) = rest.split_at_checked(RING).unwrap_or_default();
        Self {
            header: Header::of(header),
            ring,
            buckets,
        }
    }

    /// A table for a single process, in memory that is never freed; for tests, benches and
    /// examples.
    pub fn alone(size: usize) -> Self {
        Self::new(leaked(Self::words(size)))
    }

    /// The birth up to which sessions with this id are ended.
    pub fn ended_before(&self, id: &RecordId, now: u64) -> Option<u64> {
        let words = to_words(*id);
        let buckets = self.buckets_of(*id);
        let buckets = buckets.filter(|bucket| bucket.may_have(&words));
        let found = buckets.flat_map(|bucket| bucket.find(&words, now));
        found.max()
    }

    /// Whether there ever was a record that ends the sessions of a user.
    pub fn has_users(&self) -> bool {
        load(self.header.users) != 0
    }

    /// The records that count, in no order. An id may occur twice, if two processes added it
    /// at the same moment.
    pub fn records(&self, now: u64) -> impl Iterator<Item = Record> {
        self.records_as_sent(now).map(|(record, _)| record)
    }

    /// The number of records that count. In a large table, it is an estimate from a part of
    /// it: ids are random, so each part has its share.
    pub fn filling(&self, now: u64) -> usize {
        let all = self.buckets.len() / BUCKET;
        let part = all.min(MOST_COUNTED);
        let slots = self.slots().take(part.saturating_mul(SLOTS));
        let found = slots.filter(|slot| slot.is_filled(now)).count();
        let estimate = found.saturating_mul(all).checked_div(part);
        estimate.unwrap_or_default()
    }

    /// The records that count, each with whether it is unsent.
    pub(super) fn records_as_sent(&self, now: u64) -> impl Iterator<Item = (Record, bool)> {
        let records = self.slots().filter_map(move |slot| slot.record(now));
        records.map(|(record, value)| (record, value.is_unsent()))
    }

    /// A number that grows with each change of the records, for a process that keeps them
    /// elsewhere too.
    pub fn changes(&self) -> u64 {
        load(self.header.changes)
    }

    /// Records that were dropped for want of room.
    pub fn evictions(&self) -> u64 {
        load(self.header.evictions)
    }

    /// Notes that all news from the store had arrived at this Unix time in milliseconds.
    pub fn heard(&self, now_ms: u64) {
        self.header.heard.store(now_ms, Ordering::Release);
    }

    /// The Unix time in milliseconds of the last [`RevocationTable::heard`], or 0.
    pub fn last_heard(&self) -> u64 {
        load(self.header.heard)
    }

    /// Whether a process may warn that the table is full: one of all may, once a minute.
    pub fn may_warn(&self, now: u64) -> bool {
        WARNINGS.take(self.header.warnings, PARTS, now, 0)
    }

    pub(super) fn slots(&self) -> impl Iterator<Item = Slot<'static>> + use<> {
        let buckets = self.buckets.chunks_exact(BUCKET).enumerate();
        let buckets = buckets.filter_map(|(number, words)| Bucket::of(number, words));
        buckets.flat_map(Bucket::slots)
    }

    /// The two buckets of an id.
    pub(super) fn buckets_of(&self, id: RecordId) -> impl Iterator<Item = Bucket<'static>> {
        let count = self.buckets.len() / BUCKET;
        let (high, low) = halves(id);
        let first = scaled(high, count);
        let second = scaled(low, count.saturating_sub(1));
        // The second bucket is another one.
        let second = second.saturating_add(usize::from(second >= first));
        let buckets = [first, second].into_iter();
        buckets.filter_map(|number| self.bucket(number))
    }

    pub(super) fn bucket(&self, number: usize) -> Option<Bucket<'static>> {
        let start = number.saturating_mul(BUCKET);
        Bucket::of(number, self.buckets.get(start..)?)
    }
}

impl Header {
    fn of(words: &'static [AtomicU64; HEADER]) -> Self {
        let [
            tickets,
            changes,
            evictions,
            announcements,
            warnings,
            _,
            _,
            _,
            rest @ ..,
        ] = words;
        let [users, _, _, _, _, _, _, _, heard, ..] = rest;
        Self {
            tickets,
            changes,
            evictions,
            announcements,
            warnings,
            users,
            heard,
        }
    }
}

/// A number below `count`, in proportion to a random word.
fn scaled(random: u64, count: usize) -> usize {
    let count = u128::try_from(count).unwrap_or_default();
    let scaled = u128::from(random).saturating_mul(count) >> 64;
    usize::try_from(scaled).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::record::tests::{NOON, record};
    use crate::revocation::record::{Added, Ends, LearnedFrom};

    fn add(table: &RevocationTable, record: &Record) -> Added {
        table.add(record, LearnedFrom::Here, NOON)
    }

    #[test]
    fn finds_what_another_process_has_added() {
        let words = leaked(RevocationTable::words(10));
        let (one, other) = (RevocationTable::new(words), RevocationTable::new(words));
        assert_eq!(other.ended_before(&record(1).id, NOON), None);
        assert_eq!(add(&one, &record(1)), Added::New);
        assert_eq!(other.ended_before(&record(1).id, NOON), Some(NOON));
        assert_eq!(other.ended_before(&record(2).id, NOON), None);
        assert_eq!(other.records(NOON).collect::<Vec<_>>(), [record(1)]);
    }

    #[test]
    fn a_record_counts_up_to_its_end() {
        let table = RevocationTable::alone(10);
        assert_eq!(add(&table, &record(1)), Added::New);
        assert_eq!(table.ended_before(&record(1).id, NOON + 100), Some(NOON));
        assert_eq!(table.records(NOON + 100).count(), 1);
        assert_eq!(table.ended_before(&record(1).id, NOON + 101), None);
        assert_eq!(table.records(NOON + 101).count(), 0);
    }

    #[test]
    fn records_are_counted_and_in_a_large_table_estimated() {
        let small = RevocationTable::alone(10);
        (0..7).for_each(|number| assert_eq!(add(&small, &record(number)), Added::New));
        assert_eq!(small.filling(NOON), 7);
        assert_eq!(small.filling(NOON + 101), 0);
        let size = MOST_COUNTED * SLOTS;
        let large = RevocationTable::alone(size);
        for number in 0..40_000 {
            let _ = add(&large, &record(number));
        }
        let estimate = large.filling(NOON);
        assert!((38_000..42_000).contains(&estimate), "{estimate}");
    }

    #[test]
    fn the_later_birth_and_the_later_end_stay() {
        let table = RevocationTable::alone(10);
        let first = record(1);
        let earlier = Record {
            before: NOON - 1,
            until: NOON + 200,
            ..first
        };
        let later = Record {
            before: NOON + 1,
            ..first
        };
        assert_eq!(add(&table, &first), Added::New);
        assert_eq!(add(&table, &first), Added::Known);
        assert_eq!(add(&table, &earlier), Added::New);
        assert_eq!(add(&table, &later), Added::New);
        for known in [first, earlier, later] {
            assert_eq!(add(&table, &known), Added::Known);
        }
        let all: Vec<_> = table.records(NOON).collect();
        let expected = Record {
            until: NOON + 200,
            ..later
        };
        assert_eq!(all, [expected]);
        assert_eq!(table.changes(), 3);
    }

    #[test]
    fn a_record_whose_end_has_come_takes_no_room() {
        let table = RevocationTable::alone(1);
        let old = Record {
            until: NOON - 1,
            ..record(1)
        };
        assert_eq!(add(&table, &old), Added::Known);
        // Sixteen slots, which four sets of records use one after the other.
        for number in 0..64 {
            let now = NOON + u64::try_from(number / 16).unwrap() * 101;
            let record = Record {
                until: now + 100,
                ..record(number)
            };
            assert_eq!(table.add(&record, LearnedFrom::Here, now), Added::New);
        }
        assert_eq!(table.evictions(), 0);
    }

    #[test]
    fn without_room_the_record_goes_that_would_end_first() {
        let table = RevocationTable::alone(1);
        let record = |number: u64| Record {
            until: NOON + number,
            ..record(number.into())
        };
        for number in 0..16 {
            assert_eq!(add(&table, &record(number)), Added::New);
        }
        for number in 16..100 {
            assert_eq!(add(&table, &record(number)), Added::Evicted);
            let mut left: Vec<_> = table.records(NOON).map(|record| record.until).collect();
            left.sort_unstable();
            let expected = (number - 15..=number).map(|number| NOON + number);
            assert_eq!(left, expected.collect::<Vec<_>>());
        }
        assert_eq!(table.evictions(), 84);
        // At its last second, a record still has its slot.
        for (now, expected) in [(84, Added::Evicted), (86, Added::New)] {
            let now = NOON + now;
            let added = table.add(&record(now), LearnedFrom::Here, now);
            assert_eq!(added, expected);
        }
    }

    #[test]
    fn times_that_are_too_great_count_as_the_greatest() {
        let table = RevocationTable::alone(1);
        let eternal = Record {
            before: u64::MAX,
            until: u64::MAX,
            ..record(1)
        };
        assert_eq!(add(&table, &eternal), Added::New);
        assert_eq!(add(&table, &eternal), Added::Known);
        let all: Vec<_> = table.records(NOON).collect();
        let expected = Record {
            before: Record::MAX_TIME,
            until: Record::MAX_TIME,
            ..eternal
        };
        assert_eq!(all, [expected]);
    }

    #[test]
    fn tells_whether_there_was_a_user() {
        let table = RevocationTable::alone(1);
        assert_eq!(add(&table, &record(1)), Added::New);
        assert!(!table.has_users());
        let user = Record {
            ends: Ends::User,
            ..record(2)
        };
        assert_eq!(add(&table, &user), Added::New);
        assert!(table.has_users());
        assert!(table.records(NOON).any(|record| record == user));
    }

    #[test]
    fn the_buckets_of_an_id_are_two() {
        for size in [1, 8, 9, 100] {
            let table = RevocationTable::alone(size);
            for number in 0..1000 {
                let buckets = table.buckets_of(record(number).id);
                let mut slots: Vec<_> = buckets
                    .flat_map(Bucket::slots)
                    .map(|slot| slot.number)
                    .collect();
                slots.dedup();
                assert_eq!(slots.len(), 2 * SLOTS, "{size}");
            }
        }
    }

    #[test]
    fn one_warning_a_minute_is_allowed() {
        let words = leaked(RevocationTable::words(1));
        let (one, other) = (RevocationTable::new(words), RevocationTable::new(words));
        assert!(one.may_warn(NOON));
        assert!(!other.may_warn(NOON + 59));
        assert!(other.may_warn(NOON + 60));
    }

    #[test]
    fn the_words_of_the_header_do_not_meet() {
        let table = RevocationTable::alone(1);
        table.heard(7);
        let user = Record {
            ends: Ends::User,
            ..record(1)
        };
        assert_eq!(add(&table, &user), Added::New);
        assert!(table.may_warn(NOON));
        assert_eq!(table.last_heard(), 7);
        assert_eq!((table.changes(), table.evictions()), (1, 0));
        assert_eq!(load(table.header.tickets), 1);
        assert_eq!(load(table.header.announcements), 1);
    }

    #[test]
    fn a_table_of_too_few_words_keeps_nothing() {
        let words = RevocationTable::words(1);
        for words in [0, 1, HEADER, HEADER + RING] {
            let table = RevocationTable::new(leaked(words));
            assert_eq!(add(&table, &record(1)), Added::Evicted);
            assert_eq!(table.ended_before(&record(1).id, NOON), None);
        }
        let table = RevocationTable::new(leaked(words - 1));
        let _ = add(&table, &record(1));
    }
}
