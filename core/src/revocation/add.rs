//! How a record is added.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::revocation::record::{Added, Ends, LearnedFrom, Record};
use crate::revocation::slot::{
    Bucket, Slot, State, Ticket, Usage, Value, exchange, load, to_words, with_ends,
};
use crate::revocation::table::RevocationTable;

impl RevocationTable {
    /// Adds a record, which each later look-up in any process finds until its end.
    ///
    /// A record with the same id gets the later of both births, and the later end. Without
    /// room, the table drops another record and says so. The record may end sessions at
    /// once, even before this call returns.
    pub fn add(&self, record: &Record, from: LearnedFrom, now: u64) -> Added {
        let adding = Adding::new(self, record, from, now);
        adding.run(|| Some(())).unwrap_or(Added::Evicted)
    }
}

/// A record that a process is adding.
pub(super) struct Adding<'t> {
    table: &'t RevocationTable,
    record: Record,
    id: [u64; 3],
    is_unsent: bool,
    now: u64,
}

/// The outcome of one attempt.
enum Attempt {
    /// Another process has changed the slot.
    Lost,
    Known,
    Changed,
}

impl<'t> Adding<'t> {
    pub(super) fn new(
        table: &'t RevocationTable,
        record: &Record,
        from: LearnedFrom,
        now: u64,
    ) -> Self {
        Self {
            table,
            record: record.in_range(),
            id: to_words(record.id),
            is_unsent: from == LearnedFrom::Here,
            now,
        }
    }

    /// Adds the record. `step` is called wherever another process may come between; if it
    /// returns `None`, this process dies there.
    pub(super) fn run(&self, mut step: impl FnMut() -> Option<()>) -> Option<Added> {
        let header = &self.table.header;
        if self.record.until < self.now {
            return Some(Added::Known);
        }
        if self.record.ends == Ends::User && !self.table.has_users() {
            step()?;
            header.users.store(1, Ordering::Release);
        }
        let mut added = Added::New;
        loop {
            let (slot, attempt) = if let Some((slot, ticket)) = self.find() {
                (slot, self.raise(slot, ticket, &mut step)?)
            } else if let Some((slot, usage)) = self.choose() {
                (slot, self.place(slot, usage, &mut added, &mut step)?)
            } else {
                // The table has no slots.
                return Some(Added::Evicted);
            };
            match attempt {
                Attempt::Lost => {}
                Attempt::Known => return Some(Added::Known),
                Attempt::Changed => {
                    step()?;
                    header.changes.fetch_add(1, Ordering::AcqRel);
                    if self.is_unsent {
                        self.table.announce(slot, &mut step)?;
                    }
                    return Some(added);
                }
            }
        }
    }

    /// Raises the times of a record with the same id to those of this one.
    fn raise(
        &self,
        slot: Slot<'_>,
        ticket: Ticket,
        step: &mut impl FnMut() -> Option<()>,
    ) -> Option<Attempt> {
        let is_longer = State(load(slot.state)).time() < self.record.until;
        let mut is_changed = self.raise_value(slot, ticket, is_longer, step)?;
        if is_longer {
            if !self.raise_end(slot, ticket, step)? {
                return Some(Attempt::Lost);
            }
            // A record that was sent before this change must be sent again.
            is_changed |= self.raise_value(slot, ticket, true, step)?;
        }
        // If another record has the slot now, it may have had it before the change.
        Some(match State(load(slot.state)) {
            state if !state.is_record(ticket) => Attempt::Lost,
            _ if is_changed => Attempt::Changed,
            _ => Attempt::Known,
        })
    }

    /// Raises the birth of the value, and counts a change. Says whether there was one.
    fn raise_value(
        &self,
        slot: Slot<'_>,
        ticket: Ticket,
        is_longer: bool,
        step: &mut impl FnMut() -> Option<()>,
    ) -> Option<bool> {
        loop {
            let value = Value(load(slot.value));
            let is_changed = is_longer || value.before() < self.record.before;
            if value.ticket() != ticket || !is_changed {
                return Some(false);
            }
            let changed = value.changed(self.record.before, self.is_unsent);
            step()?;
            if exchange(slot.value, value.0, changed.0) {
                return Some(true);
            }
        }
    }

    /// Raises the end of the record, unless another one has the slot now.
    fn raise_end(
        &self,
        slot: Slot<'_>,
        ticket: Ticket,
        step: &mut impl FnMut() -> Option<()>,
    ) -> Option<bool> {
        loop {
            let state = State(load(slot.state));
            if !state.is_record(ticket) {
                return Some(false);
            }
            if state.time() >= self.record.until {
                return Some(true);
            }
            let raised = State::record(self.record.until, ticket);
            step()?;
            if exchange(slot.state, state.0, raised.0) {
                return Some(true);
            }
        }
    }

    /// Writes the record into a slot that was in this state.
    fn place(
        &self,
        slot: Slot<'_>,
        (usage, state): (Usage, State),
        added: &mut Added,
        step: &mut impl FnMut() -> Option<()>,
    ) -> Option<Attempt> {
        let header = &self.table.header;
        step()?;
        let ticket = Ticket::number(header.tickets.fetch_add(1, Ordering::AcqRel));
        let claim = State::claimed(self.now, ticket);
        step()?;
        if !exchange(slot.state, state.0, claim.0) {
            return Some(Attempt::Lost);
        }
        if usage == Usage::Live {
            *added = Added::Evicted;
            step()?;
            header.evictions.fetch_add(1, Ordering::AcqRel);
        }
        let [first, second, third] = self.id;
        let third = with_ends(third, self.record.ends);
        let value = Value::new(self.record.before, self.is_unsent, ticket);
        let words = [
            (slot.first, ticket.on(first)),
            (slot.second, ticket.on(second)),
            (slot.third, ticket.on(third)),
            (slot.value, value.0),
        ];
        for (word, new) in words {
            if !write(slot, claim, (word, new), step)? {
                return Some(Attempt::Lost);
            }
        }
        step()?;
        let published = State::record(self.record.until, ticket);
        Some(if exchange(slot.state, claim.0, published.0) {
            Attempt::Changed
        } else {
            Attempt::Lost
        })
    }

    /// The slot of a record with the same id.
    fn find(&self) -> Option<(Slot<'static>, Ticket)> {
        let slots = self.buckets().flat_map(Bucket::slots);
        let mut found = slots.filter_map(|slot| Some((slot, slot.find(&self.id, self.now)?)));
        found.next().map(|(slot, (_, ticket))| (slot, ticket))
    }

    /// The best slot for a new record: a usable one in the bucket that has more of them, or
    /// else that of the record which ends first.
    fn choose(&self) -> Option<(Slot<'static>, (Usage, State))> {
        let best = self.buckets().filter_map(|bucket| {
            let slots = || bucket.slots().map(|slot| (slot, slot.usage(self.now)));
            let room = slots().filter(|(_, (usage, _))| *usage == Usage::Usable);
            let best = slots().min_by_key(|(_, (usage, state))| (*usage, state.time()));
            Some((Reverse(room.count()), best?))
        });
        let rank = |(room, (_, (usage, state))): &(_, (_, (Usage, State)))| {
            let room: &Reverse<usize> = room;
            (*usage, *room, state.time())
        };
        best.min_by_key(rank).map(|(_, best)| best)
    }

    fn buckets(&self) -> impl Iterator<Item = Bucket<'static>> {
        self.table.buckets_of(self.record.id)
    }
}

/// Writes a word of a slot. Says whether the claim of the slot still was in force.
fn write(
    slot: Slot<'_>,
    claim: State,
    (word, new): (&AtomicU64, u64),
    step: &mut impl FnMut() -> Option<()>,
) -> Option<bool> {
    loop {
        // The word is read before the state. So if another process has taken the slot, and
        // has written the word, this one sees that its claim is over.
        let old = load(word);
        step()?;
        if load(slot.state) != claim.0 {
            return Some(false);
        }
        step()?;
        if exchange(word, old, new) {
            return Some(true);
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(
        clippy::arithmetic_side_effects,
        reason = "a test that cannot go on stops"
    )]

    use super::*;
    use crate::revocation::record::RecordId;
    use crate::revocation::slot::CLAIM;
    use crate::shared_memory::leaked;

    const NOON: u64 = 1_800_000_000;

    /// The id of the only record in a full table whose end has come.
    const PAST: u8 = 0;

    /// The ids of live records that fill the other slots, and end before all others.
    const FILL: std::ops::Range<u8> = 100..115;

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
        /// Those of them that a process has answered for.
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
            let table = RevocationTable { ..self.table };
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
                Some(_) => self.answered.push(first.record),
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

        /// What readers find at any moment: each record that was answered for, and no birth
        /// that was never added.
        fn check(&self) {
            for record in &self.answered {
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

        /// What remains: no record that was never added, and all of the full table, but for
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
            let longer = [(10, 200), (10, 300), (9, 400)];
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
}
