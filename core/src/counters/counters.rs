//! The counters of a server, and those of events.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::counters::event::Event;
use crate::counters::layout::{self, STRIPE, STRIPES, Stripe};

/// The counters of a server, in memory that its processes share.
///
/// To count is one atomic addition, without a lock, in memory that only one processor uses.
/// So a process may die at any time, and no count is lost.
#[derive(Clone, Copy)]
pub struct Counters {
    /// Laid out as [`layout`] says; empty in a program that counts nothing.
    pub(crate) words: &'static [AtomicU64],
    /// The end of them, with the stripes.
    stripes: &'static [AtomicU64],
    /// Chooses the stripe of a processor.
    mask: usize,
}

/// Words of the head.
const BEGAN: usize = 0;
const CONFIGURATION: usize = 1;
const READ: usize = 2;
const UPTIME: usize = 3;

impl Counters {
    /// A number for the layout of the words. Counters of another layout are unreadable.
    pub const LAYOUT: u64 = layout::LAYOUT;

    /// Words of memory for a number of processors, all zero at first.
    pub fn words(processors: usize) -> usize {
        layout::words(processors)
    }

    /// The counters in these words. If there are too few words, nothing is counted.
    pub fn view(words: &'static [AtomicU64]) -> Self {
        match layout::mask(words.len()) {
            Some(mask) => Self {
                words,
                stripes: words.get(STRIPES..).unwrap_or_default(),
                mask,
            },
            None => Self::none(),
        }
    }

    /// Counters that count nothing.
    pub const fn none() -> Self {
        Self {
            words: &[],
            stripes: &[],
            mask: 0,
        }
    }

    /// Begins a configuration. The keys of the one before keep their counts, and are no
    /// longer configured until they are named again.
    ///
    /// `now` is the Unix time in seconds; `uptime` has the seconds since this host was
    /// started, which nobody sets.
    pub fn begin(&self, now: u64, uptime: u64) {
        if let [began, configuration, read, up, ..] = self.words {
            let is_first = began.compare_exchange(0, now, Ordering::Relaxed, Ordering::Relaxed);
            if is_first.is_ok() {
                up.store(uptime, Ordering::Relaxed);
            }
            configuration.fetch_add(1, Ordering::Relaxed);
            read.store(now, Ordering::Relaxed);
        }
    }

    /// When the configuration began, in Unix seconds; 0 if nothing is counted.
    pub(crate) fn configured_at(&self) -> u64 {
        self.load(READ)
    }

    /// When the counters began, in Unix seconds; 0 if nothing is counted.
    pub fn began(&self) -> u64 {
        self.load(BEGAN)
    }

    /// For how many seconds this server has counted, whatever became of its clock. `uptime`
    /// has the seconds since this host was started.
    pub fn age(&self, uptime: u64) -> u64 {
        uptime.saturating_sub(self.load(UPTIME))
    }

    /// Counts an event. `processor` is the number of the processor that runs this thread.
    #[inline]
    pub fn count(&self, event: Event, processor: usize) {
        let stripe = self.stripe(processor);
        if let Some(word) = stripe.and_then(|stripe| stripe.get(event.number())) {
            word.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The number of times that an event was counted.
    pub fn sum(&self, event: Event) -> u64 {
        self.sum_at(event.number())
    }

    /// The number of the configuration.
    pub(crate) fn configuration(&self) -> u64 {
        self.load(CONFIGURATION)
    }

    fn load(&self, index: usize) -> u64 {
        let word = self.words.get(index);
        word.map_or(0, |word| word.load(Ordering::Relaxed))
    }

    /// The stripe of a processor; none in a program that counts nothing.
    #[inline]
    pub(crate) fn stripe(&self, processor: usize) -> Option<&'static Stripe> {
        let start = (processor & self.mask).wrapping_mul(STRIPE);
        self.stripes.get(start..)?.first_chunk()
    }

    /// The word at an index of each stripe.
    pub(crate) fn at(&self, index: usize) -> impl Iterator<Item = &'static AtomicU64> + use<> {
        let counters = *self;
        (0..=self.mask).filter_map(move |processor| counters.stripe(processor)?.get(index))
    }

    pub(crate) fn sum_at(&self, index: usize) -> u64 {
        let words = self.at(index);
        words.fold(0, |sum, word| {
            sum.wrapping_add(word.load(Ordering::Relaxed))
        })
    }
}

impl fmt::Debug for Counters {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Counters")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shared_memory::leaked;

    #[test]
    fn events_are_counted_one_by_one_in_each_stripe() {
        let counters = Counters::view(leaked(Counters::words(4)));
        counters.begin(1_800_000_000, 5);
        counters.begin(1_800_000_007, 12);
        for (count, event) in (1..).zip(Event::all()) {
            for processor in 0..count {
                counters.count(event, processor);
            }
        }
        for (count, event) in (1..).zip(Event::all()) {
            assert_eq!(counters.sum(event), count, "{event:?}");
        }
        assert_eq!((counters.began(), counters.age(13)), (1_800_000_000, 8));
    }

    #[test]
    fn only_their_type_is_printed() {
        let counters = Counters::view(leaked(Counters::words(1)));
        assert_eq!(format!("{counters:?}"), "Counters");
    }
}
