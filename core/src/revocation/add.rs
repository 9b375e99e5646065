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
    /// A record with the same id gets the later of both births, and the later end. If there
    /// is no room, the table drops another record and says so. A record whose end has come
    /// is known, because it ends nothing.
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
    ///
    /// The value changes before the end, so that the record is unsent even if the process
    /// dies in between. It changes once more after the end, because an agent may have sent
    /// the old end in between.
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
    ///
    /// The claim is over when another process has claimed the slot too. Then this one has
    /// changed no word that the other one has written.
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
        best.min_by_key(|(room, (_, (usage, state)))| (*usage, *room, state.time()))
            .map(|(_, best)| best)
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
