//! How a record is added.

use std::sync::atomic::Ordering;

use crate::revocation::record::{Added, Ends, LearnedFrom, Record};
use crate::revocation::slot::{
    SLOTS, Slot, State, Ticket, Usage, Value, exchange, load, to_words, with_ends,
};
use crate::revocation::table::RevocationTable;

impl RevocationTable {
    /// Adds a record, which each later look-up in any process finds until its end.
    ///
    /// A record with the same id gets the later of both births, and the later end. Without
    /// room, the table drops another record and says so. The record may end sessions at
    /// once, even before this call returns.
    pub fn add(&self, record: &Record, from: LearnedFrom, now: u64) -> Added {
        let adding = Adding {
            table: self,
            record: record.in_range(),
            id: to_words(record.id),
            is_unsent: from == LearnedFrom::Here,
            now,
        };
        adding.run(|| Some(())).unwrap_or(Added::Known)
    }
}

/// A record that a process is adding.
pub(super) struct Adding<'t> {
    pub(super) table: &'t RevocationTable,
    pub(super) record: Record,
    pub(super) id: [u64; 3],
    pub(super) is_unsent: bool,
    pub(super) now: u64,
}

/// A slot, and its number in the table.
type Numbered = (u64, Slot<'static>);

/// The outcome of one attempt.
enum Attempt {
    /// Another process has changed the slot.
    Lost,
    Known,
    Changed(u64),
}

impl Adding<'_> {
    /// Adds the record. `step` is called before each change of the table; if it returns
    /// `None`, the process dies there.
    pub(super) fn run(&self, mut step: impl FnMut() -> Option<()>) -> Option<Added> {
        let header = &self.table.header;
        if self.record.ends == Ends::User && !self.table.has_users() {
            step()?;
            header.users.store(1, Ordering::Release);
        }
        let mut added = Added::New;
        loop {
            let attempt = match self.find() {
                Some((slot, ticket)) => self.raise(slot, ticket, &mut step)?,
                None => self.place(&mut added, &mut step)?,
            };
            match attempt {
                Attempt::Lost => {}
                Attempt::Known => return Some(Added::Known),
                Attempt::Changed(slot) => {
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

    /// The slot of a record with the same id.
    fn find(&self) -> Option<(Numbered, Ticket)> {
        self.slots().find_map(|slot| {
            let (_, ticket) = slot.1.find(&self.id, self.now)?;
            Some((slot, ticket))
        })
    }

    /// Raises the times of a record with the same id to those of this one.
    fn raise(
        &self,
        (number, slot): Numbered,
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
            _ if is_changed => Attempt::Changed(number),
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

    /// Writes the record into a slot.
    fn place(&self, added: &mut Added, step: &mut impl FnMut() -> Option<()>) -> Option<Attempt> {
        let header = &self.table.header;
        let Some(((number, slot), usage, state)) = self.choose() else {
            return Some(Attempt::Known);
        };
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
            loop {
                // The word must be read before the state, so that a word of another process
                // is never replaced.
                let old = load(word);
                if load(slot.state) != claim.0 {
                    return Some(Attempt::Lost);
                }
                step()?;
                if exchange(word, old, new) {
                    break;
                }
            }
        }
        step()?;
        let published = State::record(self.record.until, ticket);
        Some(if exchange(slot.state, claim.0, published.0) {
            Attempt::Changed(number)
        } else {
            Attempt::Lost
        })
    }

    /// The best slot for a new record: a usable one in the bucket that has more of them, or
    /// else that of the record which ends first.
    fn choose(&self) -> Option<(Numbered, Usage, State)> {
        let slots = self.slots().map(|slot| (slot, slot.1.usage(self.now)));
        let slots: Vec<_> = slots.collect();
        let usable = |bucket: u64| {
            let usable = slots.iter().filter(|((number, _), (usage, _))| {
                *usage == Usage::Usable && number / SLOTS_A_BUCKET == bucket
            });
            usable.count()
        };
        let best = slots.iter().min_by_key(|((number, _), (usage, state))| {
            let room = usable(number / SLOTS_A_BUCKET);
            (*usage, std::cmp::Reverse(room), state.time())
        });
        best.map(|(slot, (usage, state))| (*slot, *usage, *state))
    }

    fn slots(&self) -> impl Iterator<Item = Numbered> + use<> {
        let buckets = self.table.buckets_of(self.record.id).into_iter().flatten();
        buckets.flat_map(|(number, bucket)| {
            let number = u64::try_from(number).unwrap_or(u64::MAX);
            (number.saturating_mul(SLOTS_A_BUCKET)..).zip(bucket.slots())
        })
    }
}

/// [`SLOTS`], as the number of a slot counts.
pub(super) const SLOTS_A_BUCKET: u64 = 8;

const _: () = assert!(SLOTS == 8);
