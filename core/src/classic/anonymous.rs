//! Tokens whose sessions say nothing about a user, and the bounds on what they cost.
//!
//! Each token of httpd's C module has a salt of its own, and so costs a key derivation.
//! With `SessionMaxAge`, that module gives a token to each visitor; its session holds an
//! expiry and no more. An attacker who collects many of these tokens, and sends them in
//! turn, would make a server derive keys for ever. Two bounds prevent this, both shared
//! by all children:
//!
//! - A token that was opened, and was worth nothing, is remembered. From then on it is
//!   refused without a derivation.
//! - There can be more such tokens than are remembered. So all tokens as long as theirs
//!   share a [budget](AnonymousTokens::take) of derivations.
//!
//! | words of the memory | content |
//! |---|---|
//! | 0 | the budget: the second of the last refill, and in the low 16 bits the derivations that are left |
//! | 1 to 63 | not used |
//! | 64 and on | sets of 8 words, one cache line each: a token's fingerprint, with its verdict in the lowest bit; 0 is an empty word |
//!
//! Each word has a meaning of its own, so there are no locks. If two children write one
//! word at the same time, one of their tokens is not remembered, which does no harm.

use std::hash::{BuildHasher, RandomState};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::Refusal;
use crate::shared_memory::SharedMemory;

/// The tokens that are remembered, and the budget of derivations.
pub(crate) struct AnonymousTokens {
    memory: &'static [AtomicU64],
    /// Its key is drawn at startup, so an attacker cannot make two tokens collide.
    hasher: RandomState,
}

/// A keyed hash of a token. Bit [`VERDICT`] is clear, and the hash is never 0.
#[derive(Clone, Copy)]
pub(crate) struct TokenFingerprint(u64);

/// The reason why a token is not worth a second derivation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Worthless {
    /// Its session says nothing.
    SaysNothing,
    /// No cipher of the section opens it.
    OtherAlgorithm,
}

/// Words before the sets.
const FRONT: usize = SharedMemory::RATES;

/// Words of a set.
const WAYS: usize = 8;

/// The bit of a word that has the verdict.
const VERDICT: u64 = 1;
/// A bit that is set in every fingerprint.
const PRESENT: u64 = 2;

/// Derivations at once: 0.7 s of processor time.
const BURST: u64 = 512;
/// Derivations a second: 2 % of one processor.
const RATE: u64 = 16;

/// Bits of the budget's word that count derivations.
const COUNT_BITS: u32 = 16;
const COUNT: u64 = 0xffff;

/// Seconds by which a clock must be set back before the budget follows it. No request
/// is as old, so an earlier time can only come from the clock.
const CLOCK_SET_BACK: u64 = 3600;

/// The name of the expiry in a session, with its equals sign.
const EXPIRY: &[u8] = b"expiry=";
/// Bytes of a session that is an expiry alone: its name, and 16 digits until the year
/// 2286 (mod_session.c, session_identity_encode).
const EXPIRY_ALONE: usize = 23;

/// Whether a session has no entry, or none but its expiry.
pub(crate) fn says_nothing(session: &[u8]) -> bool {
    let is_single = |rest: &[u8]| !rest.contains(&b'&');
    session.is_empty() || session.strip_prefix(EXPIRY).is_some_and(is_single)
}

/// Bytes of IV and ciphertext in the token of a session that is an expiry alone.
pub(crate) fn body_length(block_size: NonZeroUsize) -> usize {
    let block_size = block_size.get();
    // PKCS#7 always adds a byte.
    let padded = EXPIRY_ALONE
        .saturating_add(1)
        .checked_next_multiple_of(block_size);
    padded.unwrap_or_default().saturating_add(block_size)
}

impl AnonymousTokens {
    /// Remembers tokens in `memory.salts`.
    pub(crate) fn new(memory: SharedMemory) -> Self {
        Self {
            memory: memory.salts,
            hasher: RandomState::new(),
        }
    }

    /// The fingerprint of a value that identifies a token, and the algorithms that it
    /// was opened with.
    pub(crate) fn fingerprint(&self, of: impl std::hash::Hash) -> TokenFingerprint {
        TokenFingerprint((self.hasher.hash_one(of) | PRESENT) & !VERDICT)
    }

    /// The verdict on a token that is remembered.
    pub(crate) fn verdict(&self, token: TokenFingerprint) -> Option<Worthless> {
        let words = self.set(token)?.iter();
        let mut words = words.map(|word| word.load(Ordering::Relaxed));
        let word = words.find(|word| word & !VERDICT == token.0)?;
        Some(match word & VERDICT {
            0 => Worthless::SaysNothing,
            _ => Worthless::OtherAlgorithm,
        })
    }

    /// Remembers the verdict on a token.
    pub(crate) fn remember(&self, token: TokenFingerprint, verdict: Worthless) {
        let Some(set) = self.set(token) else {
            return;
        };
        let is_free = |word: &&AtomicU64| {
            let word = word.load(Ordering::Relaxed);
            word == 0 || word & !VERDICT == token.0
        };
        // In a full set each token can replace one word only. So when more tokens come in
        // turn than there is room for, some of them are still remembered.
        let own = usize::try_from(token.0 >> 8).unwrap_or_default() % WAYS;
        let bit = match verdict {
            Worthless::SaysNothing => 0,
            Worthless::OtherAlgorithm => VERDICT,
        };
        if let Some(word) = set.iter().find(is_free).or_else(|| set.get(own)) {
            word.store(token.0 | bit, Ordering::Relaxed);
        }
    }

    /// Takes a derivation from the budget at a Unix time in seconds; returns whether
    /// there was one left.
    pub(crate) fn take(&self, now: u64) -> bool {
        let Some(budget) = self.memory.first() else {
            return true;
        };
        let less = |word| {
            let (since, left) = refill(word, now);
            let less = since << COUNT_BITS | left.saturating_sub(1);
            (less != word).then_some(less)
        };
        // The second may change even if no derivation is left: a clock was set back.
        let before = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        before.is_ok_and(|before| refill(before, now).1 > 0)
    }

    /// Gives a derivation back, which went to a session that says something.
    pub(crate) fn give_back(&self) {
        let Some(budget) = self.memory.first() else {
            return;
        };
        let more = |word: u64| (word & COUNT < BURST).then(|| word.saturating_add(1));
        let _ = budget.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
    }

    fn set(&self, token: TokenFingerprint) -> Option<&[AtomicU64]> {
        let mut sets = self.memory.get(FRONT..)?.chunks_exact(WAYS);
        let index = usize::try_from(token.0 >> 32).ok()?;
        sets.nth(index.checked_rem(sets.len())?)
    }
}

/// Reads the budget's word at a Unix time in seconds: the second of the last refill, and
/// the derivations that are left.
fn refill(word: u64, now: u64) -> (u64, u64) {
    let (since, left) = (word >> COUNT_BITS, word & COUNT);
    match now.checked_sub(since) {
        _ if word == 0 => (now, BURST),
        Some(seconds) => {
            let more = seconds.saturating_mul(RATE);
            (now, left.saturating_add(more).min(BURST))
        }
        None if since.saturating_sub(now) > CLOCK_SET_BACK => (now, left),
        // This request began before another one.
        None => (since, left),
    }
}

impl From<Worthless> for Refusal {
    fn from(verdict: Worthless) -> Self {
        match verdict {
            Worthless::SaysNothing => Self::SaysNothing,
            Worthless::OtherAlgorithm => Self::OtherAlgorithm,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;
    const SETS: usize = (SharedMemory::SALTS - FRONT) / WAYS;

    fn anonymous() -> AnonymousTokens {
        AnonymousTokens::new(SharedMemory::alone())
    }

    fn taken(anonymous: &AnonymousTokens, now: u64) -> u64 {
        std::iter::repeat_with(|| anonymous.take(now))
            .take_while(|taken| *taken)
            .map(u64::from)
            .sum()
    }

    #[test]
    fn an_expiry_alone_says_nothing_and_anything_else_something() {
        for nothing in ["", "expiry=", "expiry=1800000000000000"] {
            assert!(says_nothing(nothing.as_bytes()), "{nothing}");
        }
        for something in [
            "user=joe",
            "expiry=1800000000000000&user=joe",
            "user=joe&expiry=1800000000000000",
            "expiry=1800000000000000&",
            "expiry",
            "Expiry=1800000000000000",
            "xexpiry=1800000000000000",
        ] {
            assert!(!says_nothing(something.as_bytes()), "{something}");
        }
    }

    #[test]
    fn a_body_has_an_iv_and_padding() {
        assert_eq!("expiry=1800000000000000".len(), EXPIRY_ALONE);
        for (block_size, length) in [(8, 8 + 24), (16, 16 + 32)] {
            assert_eq!(body_length(NonZeroUsize::new(block_size).unwrap()), length);
        }
    }

    #[test]
    fn a_program_of_its_user_has_no_bounds() {
        let anonymous = AnonymousTokens::new(SharedMemory::of_program());
        assert!((0..2 * BURST).all(|_| anonymous.take(NOON)));
        let token = anonymous.fingerprint(1);
        anonymous.remember(token, Worthless::SaysNothing);
        assert_eq!(anonymous.verdict(token), None);
    }

    #[test]
    fn remembers_the_verdict_on_a_token() {
        let anonymous = anonymous();
        for number in 0..1000 {
            let token = anonymous.fingerprint(number);
            let verdict = [Worthless::SaysNothing, Worthless::OtherAlgorithm][number % 2];
            assert_eq!(anonymous.verdict(token), None);
            anonymous.remember(token, verdict);
            assert_eq!(anonymous.verdict(token), Some(verdict), "{number}");
        }
        let token = anonymous.fingerprint(0_usize);
        assert_eq!(anonymous.verdict(token), Some(Worthless::SaysNothing));
        anonymous.remember(token, Worthless::OtherAlgorithm);
        assert_eq!(anonymous.verdict(token), Some(Worthless::OtherAlgorithm));
    }

    #[test]
    fn remembers_six_thousand_tokens_at_once() {
        let anonymous = anonymous();
        let tokens = || (0..6000).map(|number| anonymous.fingerprint(number));
        tokens().for_each(|token| anonymous.remember(token, Worthless::SaysNothing));
        assert!(tokens().all(|token| anonymous.verdict(token).is_some()));
    }

    #[test]
    fn a_flood_leaves_a_quarter_of_the_memory_of_use() {
        let anonymous = anonymous();
        let capacity = SETS * WAYS;
        let tokens = || (0..2 * capacity).map(|number| anonymous.fingerprint(number));
        let mut found = 0;
        for _ in 0..2 {
            found = 0;
            for token in tokens() {
                found += usize::from(anonymous.verdict(token).is_some());
                anonymous.remember(token, Worthless::SaysNothing);
            }
        }
        assert!(found > capacity / 4, "{found}");
        // The last token is always remembered, and the counters are not overwritten.
        let last = tokens().next_back().unwrap();
        assert!(anonymous.verdict(last).is_some());
        let counters = anonymous.memory[..FRONT].iter();
        assert!(
            counters
                .map(|word| word.load(Ordering::Relaxed))
                .all(|word| word == 0)
        );
    }

    #[test]
    fn another_keyring_remembers_none_of_these_tokens() {
        let memory = SharedMemory::alone();
        let [one, other] = [AnonymousTokens::new(memory), AnonymousTokens::new(memory)];
        one.remember(one.fingerprint(7), Worthless::SaysNothing);
        assert_eq!(other.verdict(other.fingerprint(7)), None);
    }

    #[test]
    fn the_budget_has_a_burst_and_a_rate() {
        let anonymous = anonymous();
        assert_eq!(taken(&anonymous, NOON), BURST);
        assert_eq!(taken(&anonymous, NOON), 0);
        assert_eq!(taken(&anonymous, NOON + 1), RATE);
        assert_eq!(taken(&anonymous, NOON + 11), 10 * RATE);
        assert_eq!(taken(&anonymous, NOON + 1_000_000), BURST);
    }

    #[test]
    fn a_derivation_given_back_can_be_taken_again() {
        let anonymous = anonymous();
        taken(&anonymous, NOON);
        anonymous.give_back();
        assert_eq!(taken(&anonymous, NOON), 1);
        for _ in 0..2 * BURST {
            anonymous.give_back();
        }
        assert_eq!(taken(&anonymous, NOON), BURST);
    }

    #[test]
    fn an_old_request_refills_nothing_and_a_clock_set_back_stops_no_refill() {
        let anonymous = anonymous();
        taken(&anonymous, NOON);
        assert_eq!(taken(&anonymous, NOON - 60), 0);
        assert_eq!(taken(&anonymous, NOON), 0);
        let back = NOON - 2 * CLOCK_SET_BACK;
        assert_eq!(taken(&anonymous, back), 0);
        assert_eq!(taken(&anonymous, back + 1), RATE);
    }

    #[test]
    fn children_share_one_budget() {
        let anonymous = anonymous();
        let taken: u64 = std::thread::scope(|scope| {
            let child = || scope.spawn(|| taken(&anonymous, NOON));
            let children: Vec<_> = std::iter::repeat_with(child).take(8).collect();
            children
                .into_iter()
                .map(|child| child.join().unwrap())
                .sum()
        });
        assert_eq!(taken, BURST);
    }
}
