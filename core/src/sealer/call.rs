//! The arguments of a call that are no part of the section, and its answer.

use std::ffi::CStr;

/// The time and the processor of a call.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// Unix time in seconds.
    pub seconds: u64,
    /// The number of the processor that runs this thread, or any number that
    /// few threads share at a time: which kept contexts to try first.
    pub processor: usize,
}

/// A token, and what it took to make.
pub struct Sealed<'a> {
    /// The token: printable ASCII.
    pub token: &'a CStr,
    /// The costly step, if there was one.
    pub cost: Cost,
}

/// A session, and what it took to open.
pub struct Opened<'a> {
    /// The session as mod_session encoded it.
    pub session: &'a CStr,
    /// The token is not what new sessions get now: save the session again.
    pub stale: bool,
    /// The costly step, if there was one.
    pub cost: Cost,
}

/// The one step of a call that takes milliseconds instead of microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cost {
    /// There was none: the key was at hand.
    #[default]
    None,
    /// A key was derived from a passphrase.
    Derivation,
    /// A private key signed or decrypted.
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
