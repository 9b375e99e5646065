//! The table of ended sessions agrees with a model: how many records fit, what is found at
//! which time, and what threads find that write at once.
#![expect(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use session_crypto_core::{
    Added, Ends, LearnedFrom, Record, RecordId, RevocationTable, UnsentReader,
};

const NOON: u64 = 1_800_000_000;

/// Numbers that look random, and are the same in each run.
struct Numbers(u64);

impl Numbers {
    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn id(&mut self) -> RecordId {
        let [high, low] = [self.next(), self.next()].map(u64::to_be_bytes);
        RecordId::of_user([high, low].concat().try_into().unwrap())
    }
}

fn record(id: RecordId, before: u64, until: u64) -> Record {
    Record {
        id,
        ends: Ends::Session,
        before,
        until,
    }
}

/// How many records a table of this size keeps until the first one is dropped.
fn room(size: usize, numbers: &mut Numbers) -> usize {
    let table = RevocationTable::alone(size);
    let room = (0..).take_while(|_| {
        let record = record(numbers.id(), NOON, NOON + 100);
        table.add(&record, LearnedFrom::Elsewhere, NOON) == Added::New
    });
    room.count()
}

#[test]
fn as_many_records_as_its_size_always_fit_and_some_more() {
    let mut numbers = Numbers(1);
    let sizes = (1..300).chain([1000, 3000, 10_000, 30_000, 100_000]);
    for size in sizes {
        let room = room(size, &mut numbers);
        let is_enough = 10 * room >= 13 * size;
        assert!(is_enough, "{room} records fit into a table for {size}");
    }
}

#[test]
fn all_of_100_000_records_are_found_and_no_others() {
    let (mut numbers, table) = (Numbers(2), RevocationTable::alone(100_000));
    let ids: Vec<_> = (0..100_000).map(|_| numbers.id()).collect();
    for (id, before) in ids.iter().zip(NOON..) {
        let record = record(*id, before, NOON + 1_000_000);
        assert_eq!(table.add(&record, LearnedFrom::Elsewhere, NOON), Added::New);
    }
    for (id, before) in ids.iter().zip(NOON..) {
        assert_eq!(table.ended_before(id, NOON), Some(before));
        assert_eq!(table.ended_before(&numbers.id(), NOON), None);
    }
    assert_eq!(table.records(NOON).count(), 100_000);
}

#[test]
fn agrees_with_a_model_as_time_passes() {
    let (mut numbers, table) = (Numbers(3), RevocationTable::alone(2000));
    let ids: Vec<_> = (0..3000).map(|_| numbers.id()).collect();
    let mut model: HashMap<RecordId, (u64, u64)> = HashMap::new();
    for round in 0..100_000 {
        let now = NOON + round / 10;
        let id = ids[usize::try_from(numbers.below(3000)).unwrap()];
        let (before, until) = (now - numbers.below(50), now + numbers.below(300));
        let live = model.get(&id).filter(|(_, until)| *until >= now);
        let expected = match live {
            Some(known) if *known == (known.0.max(before), known.1.max(until)) => Added::Known,
            _ => Added::New,
        };
        let known = live.copied().unwrap_or_default();
        model.insert(id, (known.0.max(before), known.1.max(until)));
        let added = table.add(&record(id, before, until), LearnedFrom::Here, now);
        assert_eq!(added, expected, "{round}");

        let id = ids[usize::try_from(numbers.below(3000)).unwrap()];
        let live = model.get(&id).filter(|(_, until)| *until >= now);
        let expected = live.map(|(before, _)| *before);
        assert_eq!(table.ended_before(&id, now), expected, "{round}");
    }
    let now = NOON + 10_000;
    let live = |(_, until): &&(u64, u64)| *until >= now;
    assert_eq!(
        table.records(now).count(),
        model.values().filter(live).count()
    );
}

/// Four threads add records of the same ids with any birth. A look-up finds at least the
/// latest birth of those that were added before it, and at most that of those begun.
#[test]
fn threads_that_add_the_same_ids_lose_no_later_birth() {
    const IDS: usize = 64;
    let table = &RevocationTable::alone(IDS);
    let mut numbers = Numbers(4);
    let ids: &Vec<_> = &(0..IDS).map(|_| numbers.id()).collect();
    let begun: &Vec<_> = &(0..IDS).map(|_| AtomicU64::new(0)).collect();
    let ended: &Vec<_> = &(0..IDS).map(|_| AtomicU64::new(0)).collect();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            scope.spawn(move || {
                let mut numbers = Numbers(100 + thread);
                for round in 0..50_000 {
                    let number = usize::try_from(numbers.below(64)).unwrap();
                    let before = NOON + round / 10 + numbers.below(100);
                    begun[number].fetch_max(before, Ordering::SeqCst);
                    let until = NOON + 100_000 + numbers.below(1000);
                    let record = record(ids[number], before, until);
                    let added = table.add(&record, LearnedFrom::Here, NOON);
                    assert_ne!(added, Added::Evicted);
                    ended[number].fetch_max(before, Ordering::SeqCst);

                    let number = usize::try_from(numbers.below(64)).unwrap();
                    let least = ended[number].load(Ordering::SeqCst);
                    let found = table.ended_before(&ids[number], NOON).unwrap_or_default();
                    let most = begun[number].load(Ordering::SeqCst);
                    assert!(least <= found && found <= most, "{least} {found} {most}");
                }
            });
        }
    });
    for (id, before) in ids.iter().zip(ended) {
        let found = table.ended_before(id, NOON);
        assert_eq!(found, Some(before.load(Ordering::SeqCst)));
    }
}

/// In a table that is much too small, records push each other out all the time. A birth
/// and an end follow from the id, so a mixture of two records would be seen.
#[test]
fn threads_that_fight_for_slots_make_no_record_of_two() {
    let table = &RevocationTable::alone(8);
    let before = |id: RecordId| NOON - u64::from(id.bytes()[7]);
    let until = |id: RecordId| NOON + u64::from(id.bytes()[6]);
    let ids: Vec<_> = {
        let mut numbers = Numbers(5);
        (0..64).map(|_| numbers.id()).collect()
    };
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let ids = &ids;
            scope.spawn(move || {
                let mut numbers = Numbers(200 + thread);
                for _ in 0..50_000 {
                    let id = ids[usize::try_from(numbers.below(64)).unwrap()];
                    let record = record(id, before(id), until(id));
                    let _ = table.add(&record, LearnedFrom::Elsewhere, NOON);
                    let id = ids[usize::try_from(numbers.below(64)).unwrap()];
                    let found = table.ended_before(&id, NOON);
                    assert!(found.is_none() || found == Some(before(id)));
                    for record in table.records(NOON) {
                        assert!(ids.contains(&record.id), "{record:?}");
                        assert_eq!(record.before, before(record.id), "{record:?}");
                        assert_eq!(record.until, until(record.id), "{record:?}");
                    }
                }
            });
        }
    });
    assert!(table.evictions() > 0);
}

/// Two threads add and raise records, and an agent sends them. In the end, the store has
/// what the table has.
#[test]
fn an_agent_misses_no_change_that_threads_make() {
    const IDS: usize = 200;
    let table = &RevocationTable::alone(IDS);
    let mut numbers = Numbers(6);
    let ids: &Vec<_> = &(0..IDS).map(|_| numbers.id()).collect();
    let done = &AtomicU64::new(0);
    let mut store: HashMap<RecordId, (u64, u64)> = HashMap::new();
    std::thread::scope(|scope| {
        for thread in 0..2 {
            scope.spawn(move || {
                let mut numbers = Numbers(300 + thread);
                for round in 0..50_000 {
                    let id = ids[usize::try_from(numbers.below(200)).unwrap()];
                    let before = NOON + round / 2;
                    let until = NOON + 100_000 + numbers.below(round + 1);
                    let _ = table.add(&record(id, before, until), LearnedFrom::Here, NOON);
                }
                done.fetch_add(1, Ordering::SeqCst);
            });
        }
        let mut reader = UnsentReader::new();
        loop {
            let is_done = done.load(Ordering::SeqCst) == 2;
            let unsent = table.unsent(&mut reader, NOON);
            if unsent.is_empty() && is_done {
                break;
            }
            for unsent in unsent {
                let record = unsent.record;
                let known = store.entry(record.id).or_default();
                *known = (known.0.max(record.before), known.1.max(record.until));
                table.mark_sent(&unsent);
            }
        }
        let mut again = UnsentReader::new();
        assert_eq!(table.unsent(&mut again, NOON).len(), 0);
    });
    assert_eq!(store.len(), IDS);
    // Two threads that add one id at the same moment may leave two records.
    let mut known: HashMap<RecordId, (u64, u64)> = HashMap::new();
    for record in table.records(NOON) {
        let latest = known.entry(record.id).or_default();
        *latest = (latest.0.max(record.before), latest.1.max(record.until));
    }
    assert_eq!(store, known);
}
