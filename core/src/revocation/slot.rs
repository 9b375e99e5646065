//! A record as words that a process may leave half written.
//!
//! | word of a slot | bits, from the highest |
//! |---|---|
//! | `first` | 43 of the id; 21 of the ticket |
//! | `second` | the next 43 of the id; 21 of the ticket |
//! | `third` | the last 42 of the id; 1 if the record ends the sessions of a user; 21 of the ticket |
//! | `value` | 34 of the birth of the youngest session that is ended, in Unix seconds; 1 if the record is unsent; 8 that count changes; 21 of the ticket |
//! | `state` | 34 of a Unix time in seconds; 2 of the phase; 7 that are zero; 21 of the ticket |
//!
//! | phase | time | the slot |
//! |---|---|---|
//! | 0 | 0 | was never used |
//! | 1 | of the claim | is being written by the process that drew the ticket |
//! | 2 | the last at which the record counts | has a record |
//!
//! Each claim of a slot draws a new ticket, and each word bears the ticket under which it
//! was written. A record counts if all its words bear the ticket of a slot in phase 2, so
//! no reader takes the words of two records for one. Words change only by
//! compare-and-exchange, and no word returns to a value that it had. So a process that
//! goes on after a stop changes nothing in a slot that another one has taken.
//!
//! Tickets return after two million claims. For a mistake, a process must stop between two
//! words for just as many claims, and the slot must then get a record whose id has the same
//! 42 bits.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::revocation::record::{Ends, Record, RecordId};

/// Slots of a bucket.
pub(super) const SLOTS: usize = 8;

/// Words of a bucket: the first words of its slots, then the second ones, and so on. The
/// first words fill a cache line, so a look-up reads one cache line of a bucket.
pub(super) const BUCKET: usize = SLOTS * 5;

const TICKET: u64 = (1 << 21) - 1;

/// Seconds that a process has to write a record. After that, the others take it for dead.
pub(super) const CLAIM: u64 = 3;

/// A few slots that share cache lines.
#[derive(Clone, Copy)]
pub(super) struct Bucket<'t> {
    number: usize,
    first: &'t [AtomicU64; SLOTS],
    second: &'t [AtomicU64; SLOTS],
    third: &'t [AtomicU64; SLOTS],
    value: &'t [AtomicU64; SLOTS],
    state: &'t [AtomicU64; SLOTS],
}

/// The words of a slot, and its number in the table.
#[derive(Clone, Copy)]
pub(super) struct Slot<'t> {
    pub(super) number: usize,
    pub(super) first: &'t AtomicU64,
    pub(super) second: &'t AtomicU64,
    pub(super) third: &'t AtomicU64,
    pub(super) value: &'t AtomicU64,
    pub(super) state: &'t AtomicU64,
}

/// A number that a slot's words bear.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// The word `state`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct State(pub(super) u64);

/// The word `value`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Value(pub(super) u64);

/// The use of a slot.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Usage {
    /// A new record may have it.
    Usable,
    /// It has a record that counts.
    Live,
    /// A process is writing it.
    Claimed,
}

impl<'t> Bucket<'t> {
    /// The bucket with this number, at the front of these words.
    pub(super) fn of(number: usize, words: &'t [AtomicU64]) -> Option<Self> {
        let (first, words) = words.split_first_chunk()?;
        let (second, words) = words.split_first_chunk()?;
        let (third, words) = words.split_first_chunk()?;
        let (value, words) = words.split_first_chunk()?;
        let (state, _) = words.split_first_chunk()?;
        Some(Self {
            number,
            first,
            second,
            third,
            value,
            state,
        })
    }

    /// Whether a slot has the first word of this id, whatever else it has. Hardly any id that
    /// is not in the table gets further.
    pub(super) fn may_have(self, [first, ..]: &[u64; 3]) -> bool {
        let same = self.first.iter().map(|word| is_same(load(word), *first));
        same.fold(false, |found, same| found | same)
    }

    /// The birth up to which sessions with this id are ended.
    #[cold]
    pub(super) fn find(self, id: &[u64; 3], now: u64) -> Option<u64> {
        let found = self.slots().filter_map(|slot| slot.find(id, now));
        found.map(|(before, _)| before).max()
    }

    pub(super) fn slots(self) -> impl Iterator<Item = Slot<'t>> {
        let numbers = self.number.saturating_mul(SLOTS)..;
        let ids = self.first.iter().zip(self.second).zip(self.third);
        let all = ids.zip(self.value.iter().zip(self.state)).zip(numbers);
        all.map(
            |((((first, second), third), (value, state)), number)| Slot {
                number,
                first,
                second,
                third,
                value,
                state,
            },
        )
    }
}

impl<'t> Slot<'t> {
    /// The ticket of the words of the id, if it is this one.
    fn ticket_of(self, [first, second, third]: &[u64; 3]) -> Option<Ticket> {
        let word = load(self.first);
        if !is_same(word, *first) {
            return None;
        }
        let ticket = Ticket::of(word);
        let is_same = ticket.on(*second) == load(self.second)
            && ticket.on(*third) == load(self.third) & !USER;
        is_same.then_some(ticket)
    }

    /// The birth up to which sessions with this id are ended, and the ticket of the record.
    pub(super) fn find(self, id: &[u64; 3], now: u64) -> Option<(u64, Ticket)> {
        let ticket = self.ticket_of(id)?;
        let value = Value(load(self.value));
        let state = State(load(self.state));
        let is_live = value.ticket() == ticket && state.is_record(ticket) && state.time() >= now;
        is_live.then(|| (value.before(), ticket))
    }

    /// Whether the slot has a record that counts, as far as its state tells: the one word that
    /// this reads.
    pub(super) fn is_filled(self, now: u64) -> bool {
        let state = State(load(self.state));
        state.phase() == RECORD && state.time() >= now
    }

    /// The record in the slot, if it counts. The value is read first: if it is still the
    /// same later, so is the record.
    pub(super) fn record(self, now: u64) -> Option<(Record, Value)> {
        let value = Value(load(self.value));
        let ticket = value.ticket();
        let [first, second, third] = [self.first, self.second, self.third].map(load);
        let state = State(load(self.state));
        let is_one = [first, second, third].map(Ticket::of) == [ticket; 3];
        if !is_one || !state.is_record(ticket) || state.time() < now {
            return None;
        }
        let ends = if third & USER == 0 {
            Ends::Session
        } else {
            Ends::User
        };
        let record = Record {
            id: from_words([first, second, third]),
            ends,
            before: value.before(),
            until: state.time(),
        };
        Some((record, value))
    }

    /// The use of the slot, and its state.
    pub(super) fn usage(self, now: u64) -> (Usage, State) {
        let state = State(load(self.state));
        let usage = match state.phase() {
            RECORD if state.time() >= now => Usage::Live,
            CLAIMED if state.time().abs_diff(now) <= CLAIM => Usage::Claimed,
            _ => Usage::Usable,
        };
        (usage, state)
    }
}

const CLAIMED: u64 = 1;
const RECORD: u64 = 2;

/// The bit of `third` that says that a record ends the sessions of a user.
const USER: u64 = 1 << 21;

impl Ticket {
    /// The ticket with this number. Numbers return after two million.
    pub(super) fn number(number: u64) -> Self {
        Self(number & TICKET)
    }

    fn of(word: u64) -> Self {
        Self(word & TICKET)
    }

    /// A word that bears this ticket.
    pub(super) fn on(self, word: u64) -> u64 {
        word | self.0
    }
}

impl State {
    pub(super) fn claimed(now: u64, ticket: Ticket) -> Self {
        Self::new(now, CLAIMED, ticket)
    }

    pub(super) fn record(until: u64, ticket: Ticket) -> Self {
        Self::new(until, RECORD, ticket)
    }

    fn new(time: u64, phase: u64, ticket: Ticket) -> Self {
        Self(ticket.on((time.min(Record::MAX_TIME) << 30) | (phase << 28)))
    }

    pub(super) fn time(self) -> u64 {
        self.0 >> 30
    }

    fn phase(self) -> u64 {
        (self.0 >> 28) & 3
    }

    /// Whether this is the state of a slot that has the record with this ticket.
    pub(super) fn is_record(self, ticket: Ticket) -> bool {
        self.phase() == RECORD && Ticket::of(self.0) == ticket
    }
}

impl Value {
    const UNSENT: u64 = 1 << 29;
    const CHANGE: u64 = 1 << 21;
    const CHANGES: u64 = 0xff << 21;

    pub(super) fn new(before: u64, is_unsent: bool, ticket: Ticket) -> Self {
        let unsent = if is_unsent { Self::UNSENT } else { 0 };
        Self(ticket.on((before.min(Record::MAX_TIME) << 30) | unsent))
    }

    pub(super) fn before(self) -> u64 {
        self.0 >> 30
    }

    pub(super) fn is_unsent(self) -> bool {
        self.0 & Self::UNSENT != 0
    }

    pub(super) fn ticket(self) -> Ticket {
        Ticket::of(self.0)
    }

    /// The value after a change of its record.
    pub(super) fn changed(self, before: u64, is_unsent: bool) -> Self {
        let changes = self.0.wrapping_add(Self::CHANGE) & Self::CHANGES;
        let is_unsent = is_unsent || self.is_unsent();
        let new = Self::new(self.before().max(before), is_unsent, self.ticket());
        Self(new.0 | changes)
    }

    pub(super) fn sent(self) -> Self {
        Self(self.0 & !Self::UNSENT)
    }
}

/// Whether two first words have the same bits of an id.
fn is_same(first: u64, second: u64) -> bool {
    (first ^ second) & !TICKET == 0
}

/// The words of an id, without a ticket.
pub(super) fn to_words(id: RecordId) -> [u64; 3] {
    let (high, low) = halves(id);
    [
        high & !TICKET,
        (high << 43) | ((low >> 42) << 21),
        low << 22,
    ]
}

/// The word that says what a record ends, beside the last bits of its id.
pub(super) fn with_ends(third: u64, ends: Ends) -> u64 {
    match ends {
        Ends::Session => third,
        Ends::User => third | USER,
    }
}

/// The two halves of an id, as numbers.
pub(super) fn halves(id: RecordId) -> (u64, u64) {
    let number = u128::from_be_bytes(id.bytes());
    let half = |number: u128| u64::try_from(number & u128::from(u64::MAX)).unwrap_or_default();
    (half(number >> 64), half(number))
}

fn from_words([first, second, third]: [u64; 3]) -> RecordId {
    let high = (first & !TICKET) | (second >> 43);
    let low = ((second >> 21) << 42) | (third >> 22);
    let number = (u128::from(high) << 64) | u128::from(low);
    RecordId::of_user(number.to_be_bytes())
}

pub(super) fn load(word: &AtomicU64) -> u64 {
    word.load(Ordering::Acquire)
}

/// Puts `new` in place of `old`, unless another process was faster.
pub(super) fn exchange(word: &AtomicU64, old: u64, new: u64) -> bool {
    word.compare_exchange(old, new, Ordering::AcqRel, Ordering::Acquire)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_id_have_each_of_its_bits_and_room_for_a_ticket() {
        let mut all = 0;
        for bit in 0..128 {
            let id = RecordId::of_user((1_u128 << bit).to_be_bytes());
            let words = to_words(id);
            let bits = words.iter().map(|word| word.count_ones()).sum::<u32>();
            assert_eq!(bits, 1, "{bit}");
            assert!(words.iter().all(|word| word & TICKET == 0), "{bit}");
            assert_eq!(words[2] & USER, 0, "{bit}");
            let ticket = Ticket::number(u64::MAX);
            assert_eq!(from_words(words.map(|word| ticket.on(word))), id);
            let [first, second, third] = words;
            let third = with_ends(third, Ends::User);
            assert_eq!(from_words([first, second, third]), id);
            all |= u128::from_be_bytes(from_words(words).bytes());
        }
        assert_eq!(all, u128::MAX);
    }

    #[test]
    fn a_record_counts_if_all_its_words_bear_one_ticket() {
        let id = RecordId::of_user([0xab; 16]);
        let words = to_words(id);
        let numbers = 0..6;
        for wrong in numbers {
            let ticket = |word| Ticket::number(7 + u64::from(word == wrong));
            let [first, second, third] = words;
            let bucket = [
                ticket(0).on(first),
                ticket(1).on(second),
                ticket(2).on(third),
                Value::new(30, false, ticket(3)).0,
                State::record(60, ticket(4)).0,
            ];
            let bucket: Vec<_> = bucket
                .into_iter()
                .flat_map(|word| (0..SLOTS).map(move |slot| if slot == 3 { word } else { 0 }))
                .map(AtomicU64::new)
                .collect();
            let slot = Bucket::of(0, &bucket).unwrap().slots().nth(3).unwrap();
            let is_found = wrong == 5;
            assert_eq!(slot.find(&words, 60).is_some(), is_found, "{wrong}");
            assert_eq!(slot.record(60).is_some(), is_found, "{wrong}");
            assert!(slot.find(&words, 61).is_none());
            let mut others = (0..128).map(|bit| (1_u128 << bit) ^ u128::from_be_bytes(id.bytes()));
            assert!(others.all(|other| {
                let other = to_words(RecordId::of_user(other.to_be_bytes()));
                slot.find(&other, 60).is_none()
            }));
        }
    }

    #[test]
    fn the_later_birth_of_two_records_with_one_id_is_found() {
        let words = to_words(RecordId::of_user([0xab; 16]));
        for births in [[10, 20], [20, 10]] {
            let bucket: Vec<_> = (0..BUCKET).map(|_| AtomicU64::new(0)).collect();
            let bucket = Bucket::of(0, &bucket).unwrap();
            for ((slot, before), number) in bucket.slots().zip(births).zip(5..) {
                let ticket = Ticket::number(number);
                let own = [slot.first, slot.second, slot.third];
                for (word, new) in own.into_iter().zip(words) {
                    word.store(ticket.on(new), Ordering::Release);
                }
                let value = Value::new(before, false, ticket);
                slot.value.store(value.0, Ordering::Release);
                let state = State::record(60, ticket);
                slot.state.store(state.0, Ordering::Release);
            }
            assert!(bucket.may_have(&words));
            assert_eq!(bucket.find(&words, 60), Some(20));
        }
    }

    #[test]
    fn a_value_counts_its_changes() {
        let ticket = Ticket::number(5);
        let first = Value::new(7, false, ticket);
        let mut value = first;
        for _ in 0..256 {
            value = value.changed(6, false);
            assert_eq!(value.before(), 7);
            assert!(!value.is_unsent() && value.ticket() == ticket);
        }
        assert!(value == first, "a count of eight bits");
        let unsent = value.changed(Record::MAX_TIME, true);
        assert!(unsent.is_unsent() && unsent.changed(0, false).is_unsent());
        assert_eq!(unsent.before(), Record::MAX_TIME);
        assert!(!unsent.sent().is_unsent());
        assert_eq!(unsent.sent().before(), Record::MAX_TIME);
        assert!(unsent.ticket() == ticket);
    }

    #[test]
    fn a_state_has_a_time_a_phase_and_a_ticket() {
        for number in [0, TICKET] {
            let (ticket, other) = (Ticket::number(number), Ticket::number(number ^ 1));
            for time in [0, Record::MAX_TIME] {
                let record = State::record(time, ticket);
                assert!(record.is_record(ticket) && !record.is_record(other));
                assert_eq!(record.time(), time);
                let claimed = State::claimed(time, ticket);
                assert!(!claimed.is_record(ticket));
                assert_eq!(claimed.time(), time);
                assert!(claimed != record);
            }
        }
        assert!(!State(0).is_record(Ticket::number(0)));
    }
}
