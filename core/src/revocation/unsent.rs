//! The records that the store of a farm does not have yet.
//!
//! A record says itself whether it is unsent. The ring of announcements only tells the
//! agent where to look. If an announcement is missing or overwritten, the agent looks at
//! all records.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::revocation::record::Record;
use crate::revocation::slot::{SLOTS, Slot, Value, exchange, load};
use crate::revocation::table::RevocationTable;

/// How far an agent has read the unsent records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnsentReader(Progress);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    /// The agent looks at all records, from this bucket on, and then goes on with this
    /// announcement, if one was read when the scan began.
    Scan { bucket: usize, next: Option<u64> },
    /// The agent reads this announcement next.
    Follow { next: u64 },
}

/// A record that is to be sent, and what it was like then.
#[derive(Clone, Copy, Debug)]
pub struct Unsent {
    /// The record.
    pub record: Record,
    slot: usize,
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

    fn scan(
        &self,
        mut bucket: usize,
        next: Option<u64>,
        now: u64,
        found: &mut Vec<Unsent>,
    ) -> Progress {
        // A record that is announced later may be in a bucket that the scan has passed.
        let next = next.unwrap_or_else(|| load(self.header.announcements));
        while let Some(slots) = self.bucket(bucket) {
            found.extend(slots.slots().filter_map(|slot| unsent(slot, now)));
            bucket = bucket.saturating_add(1);
            if found.len() >= BATCH {
                let next = Some(next);
                return Progress::Scan { bucket, next };
            }
        }
        Progress::Follow { next }
    }

    fn follow(&self, mut next: u64, now: u64, found: &mut Vec<Unsent>) -> Progress {
        let end = load(self.header.announcements);
        while next != end && found.len() < BATCH {
            let Some(slot) = self.announced(next) else {
                return UnsentReader::new().0;
            };
            found.extend(self.slot(slot).and_then(|slot| unsent(slot, now)));
            next = next.wrapping_add(1);
        }
        Progress::Follow { next }
    }

    /// Announces that the record in a slot is unsent.
    pub(super) fn announce(
        &self,
        slot: Slot<'_>,
        step: &mut impl FnMut() -> Option<()>,
    ) -> Option<()> {
        step()?;
        let number = self.header.announcements.fetch_add(1, Ordering::AcqRel);
        if let Some(word) = self.ring_word(number) {
            step()?;
            word.store(announcement(number, slot.number), Ordering::Release);
        }
        Some(())
    }

    /// The slot in the announcement with this number.
    fn announced(&self, number: u64) -> Option<usize> {
        let word = load(self.ring_word(number)?);
        let slot = usize::try_from(word & LOW).ok()?;
        (announcement(number, slot) == word).then_some(slot)
    }

    fn ring_word(&self, number: u64) -> Option<&'static AtomicU64> {
        let length = u64::try_from(self.ring.len()).ok()?;
        let index = number.checked_rem(length)?;
        self.ring.get(usize::try_from(index).ok()?)
    }

    fn slot(&self, number: usize) -> Option<Slot<'static>> {
        self.bucket(number / SLOTS)?.slots().nth(number % SLOTS)
    }
}

const LOW: u64 = 0xffff_ffff;

/// A word of the ring: the low half of the number of an announcement, and the number of a
/// slot. Numbers are counted from one there, so that no word is zero.
fn announcement(number: u64, slot: usize) -> u64 {
    let slot = u64::try_from(slot).unwrap_or(LOW);
    (number.wrapping_add(1) << 32) | (slot & LOW)
}

fn unsent(slot: Slot<'_>, now: u64) -> Option<Unsent> {
    let (record, value) = slot.record(now)?;
    value.is_unsent().then_some(Unsent {
        record,
        slot: slot.number,
        value: value.0,
    })
}
