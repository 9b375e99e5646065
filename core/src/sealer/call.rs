//! The time of a call, and its answer.

use crate::arena::Text;

/// The time and the processor of a call.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Unix time in seconds.
    pub seconds: u64,
    /// The number of the processor that runs this thread, which chooses the kept contexts
    /// to try first. Any number will do if few threads share it at a time.
    pub processor: usize,
}

/// A token, and the cost of making it.
pub struct Sealed<'a> {
    /// The token: printable ASCII.
    pub token: Text<'a>,
    /// The costly step, if there was one.
    pub cost: Cost,
}

/// A session, and the cost of opening its token.
pub struct Opened<'a> {
    /// The session as mod_session encoded it.
    pub session: Text<'a>,
    /// New sessions get another key, cipher or wire format now, so the session should be
    /// saved again.
    pub stale: bool,
    /// The key that opened the token.
    pub key: OpeningKey,
    /// The costly step, if there was one.
    pub cost: Cost,
}

/// The key that opened a token, in the settings of the sealer that did so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpeningKey {
    /// The position of its secret in the section's list.
    pub(crate) position: usize,
    /// The token carries the section's purpose, if the section has one.
    pub(crate) has_purpose: bool,
}

impl OpeningKey {
    /// The position of its secret in the section's list, from 0.
    pub fn position(&self) -> usize {
        self.position
    }
}

/// The one step of a call that takes milliseconds instead of microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cost {
    /// There was no costly step, because the key was at hand.
    #[default]
    None,
    /// A key was derived from a passphrase.
    Derivation,
    /// A private key signed, or decrypted a key.
    PrivateKey,
}

impl Cost {
    /// The cost of a key from a passphrase, which was derived now if it `is_new`.
    pub(crate) fn of_derivation(is_new: bool) -> Self {
        if is_new { Self::Derivation } else { Self::None }
    }

    /// The cost of a key under a certificate, which took the private key if it `is_new`.
    pub(crate) fn of_private_key(is_new: bool) -> Self {
        if is_new { Self::PrivateKey } else { Self::None }
    }
}
