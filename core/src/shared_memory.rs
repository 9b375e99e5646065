//! Memory that the processes of a server share.

use std::sync::atomic::AtomicU64;

use crate::counters::counters::Counters;

/// Two tables of 64-bit words, a word, and counters, that the processes of a server share.
///
/// All words are zero at first. They live at least as long as the configuration.
/// A server allocates them when it makes a [`Keyring`](crate::Keyring): the module maps
/// memory before httpd forks. A word may change during a read, and a process may die
/// between two writes, so each table checks the words that it reads.
#[derive(Clone, Copy, Debug)]
pub struct SharedMemory {
    /// The JWE master keys that children derived, and the rates of such derivations.
    pub masters: &'static [AtomicU64],
    /// The tokens with foreign salts whose sessions say nothing, and the rates of
    /// derivations for them.
    pub salts: &'static [AtomicU64],
    /// The rate of the warnings of cookies that are too long.
    pub cookie_warnings: &'static AtomicU64,
    /// The counters of what the server has done with sessions and keys. They outlive the configuration.
    pub counters: Counters,
}

impl SharedMemory {
    /// Words of rates, and of other small numbers, at the front of each table.
    pub const RATES: usize = 64;

    /// Words of [`SharedMemory::masters`]: 1,024 keys of 16 words, 128 KiB.
    pub const MASTERS: usize = Self::RATES + 1024 * 16;

    /// Words of [`SharedMemory::salts`]: 16,384 sets of 8 words, 1 MiB.
    pub const SALTS: usize = Self::RATES + 16_384 * 8;

    /// Tables for a program whose tokens come from its own user: each token of the classic
    /// format may cost a derivation, also if its session says nothing.
    pub fn of_program() -> Self {
        Self {
            masters: leaked(Self::MASTERS),
            salts: &[],
            cookie_warnings: Box::leak(Box::default()),
            counters: Counters::none(),
        }
    }

    /// Tables for a single process, in memory that is never freed; for tests, benches
    /// and examples.
    pub fn alone() -> Self {
        Self {
            masters: leaked(Self::MASTERS),
            salts: leaked(Self::SALTS),
            cookie_warnings: Box::leak(Box::default()),
            counters: Counters::view(leaked(Counters::words(1))),
        }
    }
}

/// Words that are zero, and never freed.
pub(crate) fn leaked(words: usize) -> &'static [AtomicU64] {
    (0..words)
        .map(|_| AtomicU64::new(0))
        .collect::<Vec<_>>()
        .leak()
}
