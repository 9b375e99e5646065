//! What a process keeps while a configuration is in force.

use session_crypto_core::Keyring;

/// The state of a configuration, which the parent makes and children inherit.
pub(crate) struct State {
    pub(crate) keyring: Keyring,
}

impl State {
    pub(crate) fn new(keyring: Keyring) -> Self {
        Self { keyring }
    }
}
