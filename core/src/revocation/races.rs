//! Tests of processes that stop and die between any two words.
//!
//! A process is a call of [`Adding::run`]. Wherever it may stop, others run to their end, and
//! then it goes on or dies.
#![expect(
    clippy::arithmetic_side_effects,
    reason = "a test that cannot go on stops"
)]

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::revocation::add::Adding;
use crate::revocation::record::{Added, Ends, LearnedFrom, Record, RecordId};
use crate::revocation::slot::{CLAIM, load};
use crate::revocation::table::RevocationTable;
use crate::revocation::unsent::UnsentReader;
use crate::shared_memory::leaked;

const NOON: u64 = 1_800_000_000;

/// The id of the only record in a full table whose end has come.
const PAST: u8 = 0;

/// The ids of live records that fill the other slots, and end before all others.
const FILL: Range<u8> = 100..115;

/// The id of the record that is dropped first.
const FIRST: u8 = FILL.start;

fn record(id: u8, before: u64, until: u64) -> Record {
    Record {
        id: RecordId::of_session(&[id; 16]),
        ends: Ends::Session,
        before: NOON + before,
        until: NOON + until,
    }
}

/// A process that stops at a step until the next ones have ended, and then dies or goes
/// on.
#[derive(Clone, Copy)]
struct Writer {
    record: Record,
    now: u64,
    stops_at: usize,
    dies: bool,
}

/// A table of one pair of buckets, in which several processes write at once.
struct Race {
    /// The words beside the ring.
    words: Vec<&'static AtomicU64>,
    /// The words of a full table, in which the record `PAST` has ended.
    full: Vec<u64>,
    table: RevocationTable,
    /// All records that were ever added.
    all: Vec<Record>,
    /// The ones among them that a process has answered for.
    answered: Vec<Record>,
    /// The most steps of a process.
    steps: usize,
    deaths: usize,
}

impl Race {
    fn new() -> Self {
        let words = leaked(RevocationTable::words(1));
        let buckets = words.iter().skip(64 + 4096);
        let mut race = Self {
            words: words.iter().take(64).chain(buckets).collect(),
            full: Vec::new(),
            table: RevocationTable::new(words),
            all: Vec::new(),
            answered: Vec::new(),
            steps: 0,
            deaths: 0,
        };
        let fill = FILL.map(|id| record(id, 1, id.into()));
        for record in [record(PAST, 5, 1)].into_iter().chain(fill) {
            let added = race.table.add(&record, LearnedFrom::Here, NOON);
            assert_eq!(added, Added::New);
            race.all.push(record);
        }
        race.full = race.words.iter().copied().map(load).collect();
        race
    }

    fn reset(&mut self) {
        for (word, full) in self.words.iter().zip(&self.full) {
            word.store(*full, Ordering::Relaxed);
        }
        self.all.truncate(FILL.len() + 1);
        self.answered.clear();
        self.deaths = 0;
    }

    /// Lets the first writer write, and the others where it stops.
    fn run(&mut self, writers: &[Writer]) {
        let Some((first, next)) = writers.split_first() else {
            return;
        };
        self.all.push(first.record);
        let table = self.table;
        let adding = Adding::new(&table, &first.record, LearnedFrom::Here, first.now);
        let mut step = 0;
        let answer = adding.run(|| {
            self.check();
            let stops = step == first.stops_at;
            step += 1;
            if stops {
                self.run(next);
            }
            (!(stops && first.dies)).then_some(())
        });
        self.steps = self.steps.max(step);
        match answer {
            Some(added) => {
                let found = self.table.ended_before(&first.record.id, first.now);
                assert!(added != Added::Known || found >= Some(first.record.before));
                self.answered.push(first.record);
            }
            None => self.deaths += 1,
        }
        self.check();
        if step <= first.stops_at {
            self.run(next);
        }
    }

    /// Lets three processes add records, with a stop at each pair of steps of the first two.
    /// Returns how many runs there were.
    fn all_stops(
        &mut self,
        ids: [u8; 3],
        times: [(u64, u64); 3],
        later: u64,
        dies: [bool; 2],
    ) -> usize {
        let writer = |at: usize, stops_at, dies| {
            let (before, until) = times[at];
            Writer {
                record: record(ids[at], before, until),
                now: NOON + 2 + later * u64::try_from(at).unwrap(),
                stops_at,
                dies,
            }
        };
        let (mut runs, mut stop) = (0, [0, 0]);
        self.steps = 0;
        while stop[0] <= self.steps {
            stop[1] = 0;
            while stop[1] <= self.steps {
                self.reset();
                self.run(&[
                    writer(0, stop[0], dies[0]),
                    writer(1, stop[1], dies[1]),
                    writer(2, usize::MAX, false),
                ]);
                self.check_all();
                runs += 1;
                stop[1] += 1;
            }
            stop[0] += 1;
        }
        runs
    }

    /// Checks what readers find at any moment: each record that was answered for and does not end
    /// before those of the full table, and no birth that was never added.
    fn check(&self) {
        let kept = |record: &&Record| record.until > NOON + u64::from(FILL.end);
        for record in self.answered.iter().filter(kept) {
            let found = self.table.ended_before(&record.id, record.until);
            assert!(found >= Some(record.before), "{record:?}: {found:?}");
        }
        for added in self.all.iter().skip(FILL.len() + 1) {
            if let Some(found) = self.table.ended_before(&added.id, NOON + 2) {
                let mut same = self.all.iter().filter(|record| record.id == added.id);
                assert!(
                    same.any(|record| record.before == found),
                    "{added:?}: {found}"
                );
            }
        }
    }

    /// Checks what remains: no record that was never added, and all of the full table, but for
    /// those that were dropped.
    fn check_all(&self) {
        for found in self.table.records(NOON + 2) {
            let mut same = self.all.iter().filter(|record| record.id == found.id);
            assert!(same.clone().any(|record| record.before == found.before));
            assert!(same.any(|record| record.until == found.until));
        }
        let left = FILL.filter(|id| {
            let id = record(*id, 0, 0).id;
            self.table.ended_before(&id, NOON + 2).is_some()
        });
        let left = left.count();
        let dropped = usize::try_from(self.table.evictions()).unwrap();
        assert!(left + dropped + self.deaths >= FILL.len());
    }
}

/// Three processes add records: the second one wherever the first one stops, and the
/// third one wherever the second one stops. One of them dies there, or all go on.
#[test]
fn no_record_is_lost_or_torn_wherever_processes_stop_and_die() {
    let (mut race, mut runs) = (Race::new(), 0);
    // The ids that the three add, of which `PAST` was in the slot that they fight for.
    for ids in [
        [1, 1, 1],
        [PAST, PAST, PAST],
        [1, PAST, 1],
        [PAST, 1, PAST],
        [1, 2, PAST],
        [FIRST, 1, 2],
        [FIRST, 1, FIRST],
    ] {
        // Births and ends of the three, and whether the claim of one is over when the next
        // one comes.
        let mixed = [(10, 300), (30, 200), (20, 400)];
        let longer = [(10, 90), (10, 300), (9, 400)];
        for (times, later) in [(mixed, 0), (mixed, CLAIM + 1), (longer, 0)] {
            for deaths in [[false, false], [true, false], [false, true]] {
                runs += race.all_stops(ids, times, later, deaths);
            }
        }
    }
    assert!(runs > 20_000, "{runs}");
}

#[test]
fn processes_that_die_use_up_no_slots() {
    let table = RevocationTable::alone(1);
    let dying = record(0, 0, 1000);
    for number in 0..200 {
        // Up to the step after which the record is in the table.
        let mut steps = number % 11;
        let adding = Adding::new(&table, &dying, LearnedFrom::Here, NOON);
        let answer = adding.run(|| {
            steps -= 1;
            (steps >= 0).then_some(())
        });
        assert_eq!(answer, None);
        assert_eq!(table.records(NOON).count(), 0);
    }
    for id in 1..=16 {
        let now = NOON + CLAIM + 1;
        let added = table.add(&record(id, 0, 1000), LearnedFrom::Here, now);
        assert_eq!(added, Added::New, "{id}");
    }
}

/// An agent reads the unsent records and sends them wherever a process stops that adds one.
/// In the end, the store has what the table has.
#[test]
fn an_agent_misses_no_change_wherever_the_process_stops() {
    let known = record(1, 10, 100);
    for new in [
        record(2, 10, 100),
        record(1, 11, 100),
        record(1, 10, 101),
        record(1, 11, 101),
        record(1, 9, 101),
    ] {
        for first in 0.. {
            for second in first.. {
                let table = RevocationTable::alone(1);
                let (mut store, mut reader) = (Vec::new(), UnsentReader::new());
                let mut send = |reader: &mut UnsentReader| {
                    for unsent in table.unsent(reader, NOON) {
                        store.push(unsent.record);
                        table.mark_sent(&unsent);
                    }
                };
                assert_eq!(table.add(&known, LearnedFrom::Here, NOON), Added::New);
                send(&mut reader);
                let mut step = 0;
                let adding = Adding::new(&table, &new, LearnedFrom::Here, NOON);
                let added = adding.run(|| {
                    if step == first || step == second {
                        reader.start_over();
                        send(&mut reader);
                    }
                    step += 1;
                    Some(())
                });
                assert_eq!(added, Some(Added::New));
                // Without a new start: the record was announced.
                send(&mut reader);
                for record in table.records(NOON) {
                    assert!(store.contains(&record), "{first}, {second}: {record:?}");
                }
                if step <= second {
                    break;
                }
            }
            if first > 20 {
                break;
            }
        }
    }
}
