//! A limit on the lines of the log about one event: one a second, for all processes of a
//! server together.
//!
//! Each event has a word: the second of its last line in the upper half, and the number of
//! lines that were left out since then in the lower half.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::counters::Counters;
use crate::counters::event::Event;
use crate::counters::layout::LINES;

/// Bits of the number of lines that were left out.
const BITS: u32 = u32::BITS;

/// The most seconds by which a process may see the clock behind the last line. If it is
/// further behind, the clock was set back.
const MOST_BEHIND: u64 = 60;

impl Counters {
    /// Takes the line of this second about an event. Returns the number of lines that were
    /// left out since the last one; `None` if a process has taken the line of this second.
    ///
    /// `now` is the Unix time in seconds.
    pub fn take_line(&self, event: Event, now: u64) -> Option<u64> {
        let Some(word) = self.line(event) else {
            return Some(0);
        };
        let taken = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| {
            let last = value >> BITS;
            let is_due = now > last || last.saturating_sub(now) > MOST_BEHIND;
            is_due.then_some(now << BITS)
        });
        taken.ok().map(left_out)
    }

    /// Counts a line about an event that is left out.
    pub fn leave_line_out(&self, event: Event) {
        if let Some(word) = self.line(event) {
            let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |value| {
                // The number must not reach into the second.
                let is_full = left_out(value) == u64::from(u32::MAX);
                (!is_full).then(|| value.saturating_add(1))
            });
        }
    }

    fn line(&self, event: Event) -> Option<&'static AtomicU64> {
        self.words.get(LINES..)?.get(event.number())
    }
}

fn left_out(value: u64) -> u64 {
    value & u64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::error::Refusal;
    use crate::shared_memory::leaked;

    const NOON: u64 = 1_800_000_000;
    const TAG: Event = Event::Refused(Refusal::Tag);

    fn counters() -> Counters {
        Counters::view(leaked(Counters::words(1)))
    }

    #[test]
    fn each_event_has_one_line_a_second_which_tells_how_many_were_left_out() {
        let counters = counters();
        assert_eq!(counters.take_line(TAG, NOON), Some(0));
        for _ in 0..7 {
            assert_eq!(counters.take_line(TAG, NOON), None);
            counters.leave_line_out(TAG);
        }
        assert_eq!(counters.take_line(Event::Revoked, NOON), Some(0));
        // Another process may have looked at the clock before.
        assert_eq!(counters.take_line(TAG, NOON - 1), None);
        assert_eq!(counters.take_line(TAG, NOON + 1), Some(7));
        assert_eq!(counters.take_line(TAG, NOON + 2), Some(0));
    }

    #[test]
    fn a_clock_set_back_silences_no_event() {
        let counters = counters();
        assert_eq!(counters.take_line(TAG, NOON), Some(0));
        assert_eq!(counters.take_line(TAG, NOON - 3600), Some(0));
        assert_eq!(counters.take_line(TAG, NOON - 3600), None);
    }

    #[test]
    fn the_number_of_lines_left_out_stays_apart_from_the_second() {
        let counters = counters();
        assert_eq!(counters.take_line(TAG, NOON), Some(0));
        let full = (NOON << BITS) | u64::from(u32::MAX);
        counters.line(TAG).unwrap().store(full, Ordering::Relaxed);
        counters.leave_line_out(TAG);
        assert_eq!(counters.take_line(TAG, NOON), None);
        assert_eq!(counters.take_line(TAG, NOON + 1), Some(u64::from(u32::MAX)));
    }

    #[test]
    fn no_line_of_many_threads_is_lost() {
        let counters = counters();
        let written = thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u64)
                .map(|_| {
                    scope.spawn(move || {
                        let mut told = 0;
                        for number in 0..10_000 {
                            match counters.take_line(TAG, NOON + number / 100) {
                                Some(left_out) => told += left_out + 1,
                                None => counters.leave_line_out(TAG),
                            }
                        }
                        told
                    })
                })
                .collect();
            let threads = threads.into_iter();
            threads.map(|thread| thread.join().unwrap()).sum::<u64>()
        });
        let left = counters.take_line(TAG, NOON + 3600).unwrap();
        assert_eq!(written + left, 80_000);
    }

    #[test]
    fn without_memory_each_line_is_written() {
        let counters = Counters::none();
        assert_eq!(counters.take_line(TAG, NOON), Some(0));
        counters.leave_line_out(TAG);
        assert_eq!(counters.take_line(TAG, NOON), Some(0));
    }
}
