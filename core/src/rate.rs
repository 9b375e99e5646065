//! A limit on how often an action may happen, which all processes of a server count
//! together.

use std::sync::atomic::{AtomicU64, Ordering};

/// The limit: a burst of actions, and then one action each interval.
///
/// This is the generic cell rate algorithm. Its only state is a word of shared memory:
/// the time at which the burst is whole again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    /// Seconds between two actions after the burst.
    pub(crate) interval: u64,
    /// Actions that may happen at once.
    pub(crate) burst: u64,
}

/// The parts of an action, for actions that cost less than a whole one. The word counts
/// time in the same parts of a second.
pub(crate) const PARTS: u64 = 32;

impl Rate {
    /// Takes `parts` of an action, unless less than `reserve` whole actions would be
    /// left. Says whether it took them.
    ///
    /// `now` is a Unix time in seconds. A word of zero stands for a whole burst.
    pub(crate) fn take(self, word: &AtomicU64, parts: u64, now: u64, reserve: u64) -> bool {
        let now = now.saturating_mul(PARTS);
        let cost = self.interval.saturating_mul(PARTS);
        let latest = now.saturating_add(cost.saturating_mul(self.burst));
        let reserved = cost.saturating_mul(reserve);
        let whole_at = word.load(Ordering::Relaxed);
        if whole_at > latest.saturating_add(CLOCK_SET_BACK) {
            // The clock was set back, so the burst counts from the new time. The result
            // does not matter: another process may have changed the word already.
            let _ = word.compare_exchange(whole_at, latest, Ordering::Relaxed, Ordering::Relaxed);
        }
        let taken = self.interval.saturating_mul(parts);
        let next = |whole_at: u64| {
            let whole_at = whole_at.max(now).saturating_add(taken);
            (whole_at.saturating_add(reserved) <= latest).then_some(whole_at)
        };
        word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next)
            .is_ok()
    }

    /// Returns parts that were taken and not used.
    pub(crate) fn give_back(self, word: &AtomicU64, parts: u64) {
        let taken = self.interval.saturating_mul(parts);
        let before = |whole_at: u64| Some(whole_at.saturating_sub(taken));
        let _ = word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, before);
    }
}

/// A limit of one action a minute, which all processes of a server count together: for a
/// line of the log that any request may give reason for.
#[derive(Clone, Copy, Debug)]
pub struct OncePerMinute(&'static AtomicU64);

impl OncePerMinute {
    /// Counts in this word, which is zero at first.
    pub fn new(word: &'static AtomicU64) -> Self {
        Self(word)
    }

    /// Whether a process has taken the action of this minute, as far as is known without
    /// taking it.
    pub fn is_taken(self, now: u64) -> bool {
        let (whole_at, now) = (self.0.load(Ordering::Relaxed), now.saturating_mul(PARTS));
        // When the clock was set back, `take` has to find out.
        whole_at > now && whole_at.saturating_sub(now) <= CLOCK_SET_BACK
    }

    /// Takes the action of this minute. Says whether no process had taken it.
    ///
    /// `now` is the Unix time in seconds.
    pub fn take(self, now: u64) -> bool {
        const RATE: Rate = Rate {
            interval: 60,
            burst: 1,
        };
        RATE.take(self.0, PARTS, now, 0)
    }
}

/// The step, in parts of a second, by which the clock must be set back for the burst to
/// follow it: an hour. A request's time is its start, and no request lasts as long.
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
    fn allows_again_an_action_that_was_given_back() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        RATE.give_back(&word, PARTS);
        assert_eq!(taken(&word, NOON, 0), 1);
    }

    #[test]
    fn all_parts_together_cost_a_whole_action() {
        let word = AtomicU64::new(0);
        for _ in 0..PARTS {
            assert!(RATE.take(&word, 1, NOON, 0));
        }
        assert_eq!(taken(&word, NOON, 0), 3);
        assert!(!RATE.take(&word, 1, NOON, 0));
        // With an interval of five seconds, each second gives back a fifth.
        assert!(RATE.take(&word, PARTS / 5, NOON + 1, 0));
        assert!(!RATE.take(&word, 1, NOON + 1, 0));
        RATE.give_back(&word, 2);
        assert!(RATE.take(&word, 2, NOON + 1, 0));
        assert!(!RATE.take(&word, 1, NOON + 1, 0));
    }

    #[test]
    fn a_clock_set_back_delays_actions_for_the_time_of_one_burst_at_most() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        let earlier = NOON - 86_400;
        assert_eq!(taken(&word, earlier, 0), 0);
        assert_eq!(taken(&word, earlier + 20, 0), 4);
    }

    #[test]
    fn an_old_request_does_not_refill_the_burst() {
        let word = AtomicU64::new(0);
        assert_eq!(taken(&word, NOON, 0), 4);
        assert_eq!(taken(&word, NOON - 600, 0), 0);
        assert_eq!(taken(&word, NOON, 0), 0);
    }

    #[test]
    fn tells_that_the_action_of_a_minute_is_taken() {
        let limit = OncePerMinute::new(Box::leak(Box::default()));
        assert!(!limit.is_taken(NOON));
        assert!(limit.take(NOON));
        for (now, expected) in [
            (NOON, true),
            (NOON + 59, true),
            (NOON + 60, false),
            // The clock was set back.
            (NOON - 3600, false),
        ] {
            assert_eq!(limit.is_taken(now), expected, "{now}");
        }
    }

    #[test]
    fn allows_one_action_a_minute() {
        let limit = OncePerMinute::new(Box::leak(Box::default()));
        let taken: Vec<_> = (0..180).filter(|s| limit.take(NOON + s)).collect();
        assert_eq!(taken, [0, 60, 120]);
        assert!(limit.take(NOON + 1000));
        assert!(!limit.take(NOON + 1000));
    }

    #[test]
    fn threads_together_take_no_more_than_the_burst() {
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
