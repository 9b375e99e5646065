//! A limit on how often something may be done, counted by all processes of a server.

use std::sync::atomic::{AtomicU64, Ordering};

/// A burst, and then one each interval (the generic cell rate algorithm: all
/// that is kept is the time at which the burst would be whole again).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Seconds.
    pub(crate) interval: u64,
    pub(crate) burst: u64,
}

/// The cost of a small thing, in parts of one; a word counts the parts of a second.
pub(crate) const PARTS: u64 = 32;

impl Rate {
    /// Takes so many parts of one at a Unix time in seconds, unless less than
    /// `reserve` whole ones would be left; says whether it did. A word of zero is
    /// a whole burst.
    pub(crate) fn take(self, word: &AtomicU64, parts: u64, now: u64, reserve: u64) -> bool {
        let now = now.saturating_mul(PARTS);
        let whole = self.interval.saturating_mul(PARTS);
        let latest = now.saturating_add(whole.saturating_mul(self.burst));
        let kept = whole.saturating_mul(reserve);
        let whole_at = word.load(Ordering::Relaxed);
        if whole_at > latest.saturating_add(CLOCK_SET_BACK) {
            // From here on it counts by the new time; another process may be first.
            let _ = word.compare_exchange(whole_at, latest, Ordering::Relaxed, Ordering::Relaxed);
        }
        let taken = self.interval.saturating_mul(parts);
        let next = |whole_at: u64| {
            let whole_at = whole_at.max(now).saturating_add(taken);
            (whole_at.saturating_add(kept) <= latest).then_some(whole_at)
        };
        word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    /// Gives back parts that were taken and not used.
    pub(crate) fn give_back(self, word: &AtomicU64, parts: u64) {
        let taken = self.interval.saturating_mul(parts);
        let before = |whole_at: u64| Some(whole_at.saturating_sub(taken));
        let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, before);
    }
}

/// Parts of the seconds by which a clock must be set back for the burst to follow
/// it. No request is so old that its time is another's past by as much.
const CLOCK_SET_BACK: u64 = 3600 * PARTS;

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate {
        interval: 5,
        burst: 4,
    };
    const NOON: u64 = 1_800_000_000;

    fn taken(word: &AtomicU64, now: u64, reserve: u64) -> usize {
        (0..100)
            .take_while(|_| RATE.take(word, PARTS, now, reserve))
            .count()
    }

    #[test]
    fn allows_a_burst_and_then_one_each_interval() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        let later: usize = (1..=100).map(|second| taken(&word, NOON + second, 0)).sum();
        assert_eq!(later, 20);
        assert_eq!(taken(&word, NOON + 1000, 0), 4);
    }

    #[test]
    fn leaves_the_reserve() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 3), 1);
        assert_eq!(taken(&word, NOON, 0), 3);
    }

    #[test]
    fn has_what_was_given_back() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        RATE.give_back(&word, PARTS);
        assert_eq!(taken(&word, NOON, 0), 1);
    }

    #[test]
    fn parts_make_up_a_whole_one() {
        let word = AtomicU64::new(0);
        for _ in 0..PARTS {
            assert!(RATE.take(&word, 1, NOON, 0));
        }
        assert_eq!(taken(&word, NOON, 0), 3);
        assert!(!RATE.take(&word, 1, NOON, 0));
        // Each second has a fifth of them.
        assert!(RATE.take(&word, PARTS / 5, NOON + 1, 0));
        assert!(!RATE.take(&word, 1, NOON + 1, 0));
        RATE.give_back(&word, 2);
        assert!(RATE.take(&word, 2, NOON + 1, 0));
        assert!(!RATE.take(&word, 1, NOON + 1, 0));
    }

    #[test]
    fn a_clock_that_is_set_back_stops_nothing_for_longer_than_a_burst() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        let earlier = NOON - 86_400;
        assert_eq!(taken(&word, earlier, 0), 0);
        assert_eq!(taken(&word, earlier + 20, 0), 4);
    }

    #[test]
    fn a_request_that_began_long_ago_refills_nothing() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        assert_eq!(taken(&word, NOON - 600, 0), 0);
        assert_eq!(taken(&word, NOON, 0), 0);
    }

    #[test]
    fn processes_together_take_no_more() {
        let word = AtomicU64::new(0);
        let all: usize = std::thread::scope(|scope| {
            let takers: Vec<_> = (0..8)
                .map(|_| scope.spawn(|| taken(&word, NOON, 0)))
                .collect();
            takers.into_iter().map(|taker| taker.join().unwrap()).sum()
        });
        assert_eq!(all, 4);
    }
}
