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

    /// Goes back to the first record.
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
    /// A record stays unsent until [`RevocationTable::mark_sent`]. A reader gets it once, and
    /// again after [`UnsentReader::start_over`]: the agent starts over if it could not send
    /// all, and once a minute or so, because a process may die before it has announced its
    /// record. Where announcements are missing, the reader starts over by itself.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::add::Adding;
    use crate::revocation::record::tests::{NOON, record};
    use crate::revocation::record::{Added, LearnedFrom, RecordId};

    fn add(table: &RevocationTable, record: &Record) {
        let added = table.add(record, LearnedFrom::Here, NOON);
        assert_eq!(added, Added::New);
    }

    /// All that a reader gets now.
    fn all(table: &RevocationTable, reader: &mut UnsentReader) -> Vec<Unsent> {
        let batches = std::iter::repeat_with(|| table.unsent(reader, NOON));
        batches
            .take_while(|batch| !batch.is_empty())
            .flatten()
            .collect()
    }

    fn ids(unsent: &[Unsent]) -> Vec<RecordId> {
        let mut ids: Vec<_> = unsent.iter().map(|unsent| unsent.record.id).collect();
        ids.sort_unstable();
        ids
    }

    fn ids_of(numbers: std::ops::Range<u128>) -> Vec<RecordId> {
        let mut ids: Vec<_> = numbers.map(|number| record(number).id).collect();
        ids.sort_unstable();
        ids
    }

    #[test]
    fn only_what_was_ended_here_is_unsent() {
        let table = RevocationTable::alone(10);
        let mut reader = UnsentReader::new();
        for (number, from) in [LearnedFrom::Elsewhere, LearnedFrom::File]
            .into_iter()
            .enumerate()
        {
            let record = record(number.try_into().unwrap());
            assert_eq!(table.add(&record, from, NOON), Added::New);
        }
        assert_eq!(all(&table, &mut reader).len(), 0);
        add(&table, &record(2));
        assert!(table.may_have_unsent(&reader));
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(2..3));
        assert!(!table.may_have_unsent(&reader));
    }

    #[test]
    fn a_reader_gets_a_record_once_and_again_when_it_starts_over() {
        let table = RevocationTable::alone(10);
        let mut reader = UnsentReader::new();
        add(&table, &record(0));
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(0..1));
        add(&table, &record(1));
        let second = all(&table, &mut reader);
        assert_eq!(ids(&second), ids_of(1..2));
        reader.start_over();
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(0..2));
        let other = &mut UnsentReader::new();
        assert_eq!(ids(&all(&table, other)), ids_of(0..2));
        assert!(table.mark_sent(&second[0]));
        reader.start_over();
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(0..1));
    }

    #[test]
    fn a_record_that_has_changed_since_stays_unsent() {
        let first = record(0);
        let later = Record {
            before: NOON + 1,
            ..first
        };
        let longer = Record {
            until: NOON + 200,
            ..first
        };
        for changed in [later, longer] {
            for from in [LearnedFrom::Here, LearnedFrom::Elsewhere] {
                let table = RevocationTable::alone(10);
                let mut reader = UnsentReader::new();
                add(&table, &first);
                let sent = all(&table, &mut reader);
                assert_eq!(table.add(&changed, from, NOON), Added::New);
                assert!(!table.mark_sent(&sent[0]));
                reader.start_over();
                let sent = all(&table, &mut reader);
                assert_eq!(sent.len(), 1);
                assert_eq!(sent[0].record, changed);
                assert!(table.mark_sent(&sent[0]));
                reader.start_over();
                assert_eq!(all(&table, &mut reader).len(), 0);
            }
        }
    }

    #[test]
    fn a_change_of_a_sent_record_is_sent_too() {
        let table = RevocationTable::alone(10);
        let mut reader = UnsentReader::new();
        add(&table, &record(0));
        // As many changes as the word can count, and more.
        for longer in 0..600 {
            let sent = all(&table, &mut reader);
            assert_eq!(sent.len(), 1, "{longer}");
            assert!(table.mark_sent(&sent[0]));
            let longer = Record {
                until: NOON + 101 + longer,
                ..record(0)
            };
            add(&table, &longer);
            assert!(!table.mark_sent(&sent[0]));
        }
        let known = table.add(&record(0), LearnedFrom::Here, NOON);
        assert_eq!(known, Added::Known);
        assert_eq!(all(&table, &mut reader).len(), 1);
        assert_eq!(all(&table, &mut reader).len(), 0);
    }

    #[test]
    fn more_records_than_the_ring_has_room_for_are_all_read() {
        let table = RevocationTable::alone(10_000);
        let mut reader = UnsentReader::new();
        assert_eq!(all(&table, &mut reader).len(), 0);
        for number in 0..10_000 {
            add(&table, &record(number));
        }
        let most = BATCH + SLOTS;
        assert!(table.unsent(&mut reader.clone(), NOON).len() < most);
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(0..10_000));
        for number in 10_000..10_010 {
            add(&table, &record(number));
        }
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(10_000..10_010));
    }

    #[test]
    fn a_change_behind_a_scan_is_read_after_it() {
        let table = RevocationTable::alone(10_000);
        let mut reader = UnsentReader::new();
        for number in 0..2000 {
            add(&table, &record(number));
        }
        let first = table.unsent(&mut reader, NOON);
        assert!(first.len() < 2000);
        assert!(table.mark_sent(&first[0]));
        let longer = Record {
            until: NOON + 200,
            ..first[0].record
        };
        add(&table, &longer);
        let rest = all(&table, &mut reader);
        assert!(rest.iter().any(|unsent| unsent.record == longer));
    }

    #[test]
    fn a_record_is_read_if_its_process_has_died_after_the_announcement() {
        let table = RevocationTable::alone(10);
        let mut reader = UnsentReader::new();
        assert_eq!(all(&table, &mut reader).len(), 0);
        let new = record(0);
        let adding = Adding::new(&table, &new, LearnedFrom::Here, NOON);
        let mut steps = 0;
        let count = || {
            steps += 1;
            Some(())
        };
        assert_eq!(adding.run(count), Some(Added::New));
        assert!(
            all(&table, &mut reader)
                .iter()
                .all(|sent| table.mark_sent(sent))
        );
        // The last step is the word of the ring.
        let new = record(1);
        let adding = Adding::new(&table, &new, LearnedFrom::Here, NOON);
        let die = || {
            steps -= 1;
            (steps > 0).then_some(())
        };
        assert_eq!(adding.run(die), None);
        assert_eq!(load(table.header.announcements), 2);
        assert_eq!(ids(&all(&table, &mut reader)), ids_of(1..2));
        assert!(!table.may_have_unsent(&reader));
    }

    #[test]
    fn a_mark_does_not_touch_the_next_record_of_the_slot() {
        let table = RevocationTable::alone(1);
        let mut reader = UnsentReader::new();
        for number in 0..16 {
            add(&table, &record(number));
        }
        let sent = all(&table, &mut reader);
        assert_eq!(sent.len(), 16);
        for number in 16..32 {
            let added = table.add(&record(number), LearnedFrom::Here, NOON);
            assert_eq!(added, Added::Evicted);
        }
        let kept: Vec<_> = table.records(NOON).map(|record| record.id).collect();
        for sent in &sent {
            assert_eq!(table.mark_sent(sent), kept.contains(&sent.record.id));
        }
        reader.start_over();
        let left = all(&table, &mut reader);
        assert!(left.iter().all(|unsent| kept.contains(&unsent.record.id)));
        let is_new = |id: &&RecordId| ids_of(16..32).contains(id);
        assert_eq!(left.len(), kept.iter().filter(is_new).count());
    }
}
