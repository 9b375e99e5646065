//! A key that is counted, and its counts.

use std::sync::atomic::{AtomicU16, Ordering};

use crate::counters::event::TokenFormat;
use crate::fingerprint::Fingerprint;

/// A key of the configuration, as it is counted.
#[derive(Clone, Copy, Debug)]
pub struct CountedKey<'n> {
    /// The kind of the key.
    pub kind: SecretKind,
    /// Tells the key from all others, and stays the same when a configuration is read again.
    pub identity: Fingerprint,
    /// The id of the key in tokens, if it is known.
    pub kid: Option<&'n str>,
    /// Where the key stands: a file, or a file and a line.
    pub place: &'n str,
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretKind {
    /// A key of a JWK Set.
    Set,
    /// A passphrase.
    Passphrase,
    /// A certificate with its private key.
    Certificate,
    /// All passphrases, certificates and keys of `.htaccess` files together.
    Htaccess,
    /// All keys together for which there is no room.
    Other,
}

impl SecretKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [
        Self::Set,
        Self::Passphrase,
        Self::Certificate,
        Self::Htaccess,
        Self::Other,
    ];

    /// The name of the kind for programs, which stays the same.
    pub fn label(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Passphrase => "passphrase",
            Self::Certificate => "certificate",
            Self::Htaccess => "htaccess",
            Self::Other => "other",
        }
    }

    /// The number of the kind in shared memory.
    pub(crate) fn number(self) -> u64 {
        match self {
            Self::Set => 1,
            Self::Passphrase => 2,
            Self::Certificate => 3,
            Self::Htaccess => 4,
            Self::Other => 5,
        }
    }

    pub(crate) fn of_number(number: u64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

/// The counter of a key: the number of its slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyCounter(pub(crate) u16);

impl KeyCounter {
    /// The counter of all keys together for which there is no room, and of a key that was
    /// never named.
    pub const OTHER: Self = Self(0);

    /// The counter of all keys of `.htaccess` files together.
    pub const HTACCESS: Self = Self(1);
}

/// The counter of a secret, which is set when the secret is named.
#[derive(Debug, Default)]
pub(crate) struct KeyCounterCell(AtomicU16);

impl KeyCounterCell {
    /// The counter; [`KeyCounter::OTHER`] before it is set.
    #[inline]
    pub(crate) fn load(&self) -> KeyCounter {
        KeyCounter(self.0.load(Ordering::Relaxed))
    }

    pub(crate) fn store(&self, counter: KeyCounter) {
        self.0.store(counter.0, Ordering::Relaxed);
    }
}

/// How a token is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CountedAs {
    pub(crate) format: TokenFormat,
    /// The counter of the key that the token is under.
    pub(crate) key: KeyCounter,
}

/// An event of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// It sealed a session.
    Sealed,
    /// It opened a token.
    Opened,
}

/// The counts of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyCounts {
    /// The counter, by which the key can be found again.
    pub counter: KeyCounter,
    /// The kind of the key.
    pub kind: SecretKind,
    /// The id of the key in tokens, if it is known.
    pub kid: Option<String>,
    /// Where the key stands: a file, or a file and a line. It is empty for keys that are
    /// counted together.
    pub place: String,
    /// The configuration in force has the key.
    pub is_configured: bool,
    /// A section of the configuration in force seals with the key. For a key of a JWK Set,
    /// its dates tell that, and this is false.
    pub seals: bool,
    /// Since when the key is counted, in Unix seconds. It says nothing about the time
    /// before.
    pub since: u64,
    /// Sessions that it sealed.
    pub sealed: u64,
    /// Tokens that it opened.
    pub opened: u64,
    /// When it sealed a session last, in Unix seconds.
    pub last_sealed: Option<u64>,
    /// When it opened a token last, in Unix seconds.
    pub last_opened: Option<u64>,
}

impl KeyCounts {
    /// Whether the key has sealed or opened anything.
    pub(crate) fn is_used(&self) -> bool {
        self.sealed != 0 || self.opened != 0
    }
}
