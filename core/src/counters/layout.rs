//! Where each counter is.
//!
//! | words | what they hold |
//! |---|---|
//! | [`HEAD`] | when the counters began, by the clock and by the uptime, the number of the configuration, and when that began |
//! | [`LINES_LENGTH`] | for each event, the last line of the log about it |
//! | [`SLOTS`] × [`ENTRY`] | the names of the keys |
//! | for each stripe [`EVENTS`] | the events |
//! | for each stripe [`SLOTS`] × [`CELL`] | what was done with each key |
//!
//! A processor counts in a stripe of its own, so that no other processor waits for its cache
//! lines. A stripe has a whole number of pairs of cache lines, because processors fetch
//! these in pairs.

use std::sync::atomic::AtomicU64;

/// A number for the layout, which another layout must not have.
pub(crate) const LAYOUT: u64 = 3;

/// Words of the head.
pub(crate) const HEAD: usize = 16;

/// The first word of the lines of the log.
pub(crate) const LINES: usize = HEAD;

/// Words of the lines of the log: one for each event.
const LINES_LENGTH: usize = EVENTS;

/// The first word of the names.
pub(crate) const NAMES: usize = LINES + LINES_LENGTH;

/// The most keys that are counted, with the two that stand for others.
pub(crate) const SLOTS: usize = 512;

/// Words of the name of a key.
pub(crate) const ENTRY: usize = 64;

/// Words of a stripe's events, of which some are for later.
pub(crate) const EVENTS: usize = 128;

/// Words of a key in a stripe: sessions sealed, tokens opened, and the times of the last
/// opening and the last sealing in Unix seconds.
pub(crate) const CELL: usize = 4;

/// Words of a stripe.
pub(crate) const STRIPE: usize = EVENTS + SLOTS * CELL;

/// The words of a stripe.
pub(crate) type Stripe = [AtomicU64; STRIPE];

/// The most stripes. Beyond that, processors share them.
const MOST_STRIPES: usize = 64;

/// The first word of the stripes.
pub(crate) const STRIPES: usize = NAMES + SLOTS * ENTRY;

/// Words of two cache lines.
#[cfg(test)]
const CACHE_LINES: usize = 128 / size_of::<u64>();

/// Stripes for a number of processors: a power of two.
pub(crate) fn stripes(processors: usize) -> usize {
    processors.clamp(1, MOST_STRIPES).next_power_of_two()
}

/// Words for a number of processors.
pub(crate) fn words(processors: usize) -> usize {
    stripes(processors)
        .saturating_mul(STRIPE)
        .saturating_add(STRIPES)
}

/// The number that chooses a stripe out of memory of this length: the number of stripes less
/// one. `None` if there is no room for one.
pub(crate) fn mask(words: usize) -> Option<usize> {
    let room = words.checked_sub(STRIPES)?.checked_div(STRIPE)?;
    // The greatest power of two that has room.
    let stripes = room.min(MOST_STRIPES).checked_ilog2()?;
    1_usize.checked_shl(stripes)?.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_a_stripe_for_each_processor_up_to_64() {
        for (processors, expected) in [
            (0, 1),
            (1, 1),
            (2, 2),
            (3, 4),
            (16, 16),
            (63, 64),
            (64, 64),
            (65, 64),
            (usize::MAX, 64),
        ] {
            assert_eq!(stripes(processors), expected, "{processors}");
            assert_eq!(mask(words(processors)), Some(expected - 1), "{processors}");
        }
    }

    #[test]
    fn memory_that_is_too_short_has_fewer_stripes() {
        assert_eq!(mask(0), None);
        assert_eq!(mask(words(1) - 1), None);
        assert_eq!(mask(words(4) - 1), Some(1));
        assert_eq!(mask(words(4) + 1), Some(3));
    }

    #[test]
    fn no_two_stripes_share_a_pair_of_cache_lines() {
        for words in [HEAD, NAMES, ENTRY, STRIPES, STRIPE] {
            assert_eq!(words % CACHE_LINES, 0, "{words}");
        }
    }
}
