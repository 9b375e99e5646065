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
//! | 64 to 4,159 | a ring of announcements: 32 bits of the number of one, and the number of a slot |
//! | from 4,160 | buckets of 8 [slots](crate::revocation::slot) |
//!
//! An id belongs to two buckets, and a new record goes to the one with more room. There are
//! twice as many slots as records. So each id finds a slot until there are more records
//! than the table is made for.
//!
//! There are no locks: no process waits for another one, and a process may die between two
//! words.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::rate::{PARTS, Rate};
use crate::revocation::record::{Record, RecordId};
use crate::revocation::slot::{BUCKET, Bucket, SLOTS, Slot, halves, load, to_words};

/// The ended sessions, in memory that the processes of a server share.
///
/// Times are Unix times in seconds, unless a name says milliseconds. No method waits. A
/// look-up costs two cache lines.
pub struct RevocationTable {
    pub(super) header: Header,
    pub(super) ring: &'static [AtomicU64],
    pub(super) buckets: &'static [AtomicU64],
}

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
    /// The number of the layout of the words. A server must not hand the words of one
    /// layout to a table of another one.
    pub const LAYOUT: u64 = 1;

    /// Words of a table that keeps `size` records, and often half as many again: 64 to 80
    /// bytes a record.
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

    /// The birth up to which sessions with this id are ended.
    pub fn ended_before(&self, id: &RecordId, now: u64) -> Option<u64> {
        let words = to_words(*id);
        let slots = self.slots_of(*id);
        let found = slots.filter_map(|slot| slot.find(&words, now));
        found.map(|(before, _)| before).max()
    }

    /// Whether there ever was a record that ends the sessions of a user.
    pub fn has_users(&self) -> bool {
        load(self.header.users) != 0
    }

    /// The records that count, in no order. An id may occur twice, if two processes added it
    /// at the same moment.
    pub fn records(&self, now: u64) -> impl Iterator<Item = Record> {
        let slots = self.slots();
        slots.filter_map(move |slot| slot.record(now).map(|(record, _)| record))
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
        let buckets = self.buckets.chunks_exact(BUCKET);
        buckets.filter_map(Bucket::of).flat_map(Bucket::slots)
    }

    pub(super) fn slots_of(&self, id: RecordId) -> impl Iterator<Item = Slot<'static>> + use<> {
        let buckets = self.buckets_of(id).into_iter().flatten();
        buckets.flat_map(|(_, bucket)| bucket.slots())
    }

    /// The two buckets of an id, with their numbers.
    pub(super) fn buckets_of(&self, id: RecordId) -> [Option<(usize, Bucket<'static>)>; 2] {
        let count = self.buckets.len() / BUCKET;
        let (high, low) = halves(id);
        let first = scaled(high, count);
        let second = scaled(low, count.saturating_sub(1));
        // The second bucket is another one.
        let second = if second >= first {
            second.saturating_add(1)
        } else {
            second
        };
        [first, second].map(|number| Some((number, self.bucket(number)?)))
    }

    pub(super) fn bucket(&self, number: usize) -> Option<Bucket<'static>> {
        let start = number.saturating_mul(BUCKET);
        Bucket::of(self.buckets.get(start..)?)
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
