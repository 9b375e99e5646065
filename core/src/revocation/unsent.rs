//! The records that the store of a farm does not have yet.
//!
//! A record says itself whether it is unsent. The ring of announcements only tells the
//! agent where to look. If an announcement is missing or overwritten, the agent looks at
//! all records.

use std::sync::atomic::Ordering;

use crate::revocation::add::SLOTS_A_BUCKET;
use crate::revocation::record::Record;
use crate::revocation::slot::{Bucket, Slot, Value, exchange, load};
use crate::revocation::table::RevocationTable;

/// How far an agent has read the unsent records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsentReader(Progress);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The agent looks at all records, from this bucket on, and then goes on with this
    /// announcement, if one was read when the scan began.
    Scan { bucket: u64, next: Option<u64> },
    /// The agent reads this announcement next.
    Follow { next: u64 },
}

/// A record that is to be sent, and what it was like then.
#[derive(Clone, Copy, Debug)]
pub struct Unsent {
    /// The record.
    pub record: Record,
    slot: u64,
    value: u64,
}

/// The most records that an agent gets at once.
const BATCH: usize = 1024;

impl UnsentReader {
    /// A reader that looks at all records first.
    pub const fn new() -> Self {
        Self(Progress::Scan {
            bucket: 0,
            next: None,
        })
    }

    /// Looks at all records again, for instance those that could not be sent.
    pub const fn start_over(&mut self) {
        *self = Self::new();
    }
}

impl Default for UnsentReader {
    fn default() -> Self {
        Self::new()
    }
}

impl RevocationTable {
    /// Whether [`RevocationTable::unsent`] has something to read: one look at one word.
    pub fn may_have_unsent(&self, reader: &UnsentReader) -> bool {
        match reader.0 {
            Progress::Scan { .. } => true,
            Progress::Follow { next } => next != load(self.header.announcements),
        }
    }

    /// The next records to be sent, 1,024 or so at most; none if all were read.
    ///
    /// A reader gets a record once. A record stays unsent until
    /// [`RevocationTable::mark_sent`], so another reader gets it too, and this one after
    /// [`UnsentReader::start_over`].
    pub fn unsent(&self, reader: &mut UnsentReader, now: u64) -> Vec<Unsent> {
        let mut found = Vec::new();
        while found.is_empty() && self.may_have_unsent(reader) {
            reader.0 = match reader.0 {
                Progress::Scan { bucket, next } => self.scan(bucket, next, now, &mut found),
                Progress::Follow { next } => self.follow(next, now, &mut found),
            };
        }
        found
    }

    /// Notes that the store has confirmed a record. If it was changed since it was read, it
    /// stays unsent. Says whether the record is sent now.
    pub fn mark_sent(&self, sent: &Unsent) -> bool {
        let slot = self.slot(sent.slot);
        slot.is_some_and(|slot| exchange(slot.value, sent.value, Value(sent.value).sent().0))
    }

    fn scan(&self, from: u64, next: Option<u64>, now: u64, found: &mut Vec<Unsent>) -> Progress {
        // A record that is announced later may be one that the scan has passed.
        let next = next.unwrap_or_else(|| load(self.header.announcements));
        let mut at = from;
        while let Some(bucket) = self.bucket_at(at) {
            let numbers = at.saturating_mul(SLOTS_A_BUCKET)..;
            let slots = numbers.zip(bucket.slots());
            found.extend(slots.filter_map(|(number, slot)| unsent(number, slot, now)));
            at = at.saturating_add(1);
            if found.len() >= BATCH {
                return Progress::Scan {
                    bucket: at,
                    next: Some(next),
                };
            }
        }
        Progress::Follow { next }
    }

    fn follow(&self, mut next: u64, now: u64, found: &mut Vec<Unsent>) -> Progress {
        let end = load(self.header.announcements);
        while next != end && found.len() < BATCH {
            let Some(number) = self.announced(next) else {
                return UnsentReader::new().0;
            };
            let slot = self.slot(number);
            found.extend(slot.and_then(|slot| unsent(number, slot, now)));
            next = next.wrapping_add(1);
        }
        Progress::Follow { next }
    }

    /// Announces that the record in a slot is unsent.
    pub(super) fn announce(&self, slot: u64, step: &mut impl FnMut() -> Option<()>) -> Option<()> {
        step()?;
        let number = self.header.announcements.fetch_add(1, Ordering::AcqRel);
        if let Some(word) = self.ring_word(number) {
            step()?;
            word.store(announcement(number, slot), Ordering::Release);
        }
        Some(())
    }

    /// The slot in the announcement with this number.
    fn announced(&self, number: u64) -> Option<u64> {
        let word = load(self.ring_word(number)?);
        let slot = word & LOW;
        (announcement(number, slot) == word).then_some(slot)
    }

    fn ring_word(&self, number: u64) -> Option<&'static std::sync::atomic::AtomicU64> {
        let length = u64::try_from(self.ring.len()).ok()?;
        let index = number.checked_rem(length)?;
        self.ring.get(usize::try_from(index).ok()?)
    }

    fn bucket_at(&self, number: u64) -> Option<Bucket<'static>> {
        self.bucket(usize::try_from(number).ok()?)
    }

    fn slot(&self, number: u64) -> Option<Slot<'static>> {
        let bucket = self.bucket_at(number / SLOTS_A_BUCKET)?;
        let in_bucket = usize::try_from(number % SLOTS_A_BUCKET).ok()?;
        bucket.slots().nth(in_bucket)
    }
}

const LOW: u64 = 0xffff_ffff;

/// An announcement: 32 bits of its number plus one, so that no zero is one, and those of a
/// slot.
fn announcement(number: u64, slot: u64) -> u64 {
    (number.wrapping_add(1) << 32) | (slot & LOW)
}

fn unsent(number: u64, slot: Slot<'_>, now: u64) -> Option<Unsent> {
    let (record, value) = slot.record(now)?;
    value.is_unsent().then_some(Unsent {
        record,
        slot: number,
        value: value.0,
    })
}
