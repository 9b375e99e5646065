//! Memory that the processes of a server share.

use std::sync::atomic::AtomicU64;

/// Two tables of 64-bit words, all zero at first, that the processes of a
/// server share for as long as a configuration is in force, or longer.
///
/// The maker of a [`Keyring`](crate::Keyring) says where they are: the module
/// maps memory before httpd forks. Words change under the reader's hands, and a
/// process may die between two of them, so a table checks what it reads.
#[derive(Clone, Copy, Debug)]
pub struct SharedMemory {
    /// JWE master keys that no parent could derive, and what is spent on them.
    pub masters: &'static [AtomicU64],
    /// Tokens with foreign salts that came to nothing, and what is spent on them.
    pub salts: &'static [AtomicU64],
}

impl SharedMemory {
    /// Words in front of each table, for counters and rates.
    pub const COUNTERS: usize = 64;

    /// Words of [`SharedMemory::masters`]: 1,024 keys of 16 words, 128 KiB.
    pub const MASTERS: usize = Self::COUNTERS + 1024 * 16;

    /// Words of [`SharedMemory::salts`]: 16,384 sets of 8 words, 1 MiB.
    pub const SALTS: usize = Self::COUNTERS + 16_384 * 8;

    /// Makes tables for one process alone, of memory that is never freed: for
    /// tests, benches and examples.
    pub fn alone() -> Self {
        Self {
            masters: leaked(Self::MASTERS),
            salts: leaked(Self::SALTS),
        }
    }
}

fn leaked(words: usize) -> &'static [AtomicU64] {
    (0..words)
        .map(|_| AtomicU64::new(0))
        .collect::<Vec<_>>()
        .leak()
}
