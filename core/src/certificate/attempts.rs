//! How often the author of a `.htaccess` file has passphrases tried on private keys.
//!
//! Each attempt takes as many rounds as the key says, at most those of `rounds`. So
//! the attempts of a section have a bound, and during a request the author pays for
//! them, out of what there is for the master keys of JWE.

use std::cell::Cell;

use crate::passphrase::allowance::Payer;
use crate::rate;

/// When certificates and keys are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Before anybody is served.
    AtStartup,
    /// By a request, which came at a Unix time in seconds.
    InRequest {
        /// The time.
        now: u64,
        /// The author of the section's settings; if that is the server, then that
        /// of its passphrases pays.
        payer: Payer,
    },
}

/// Attempts on all private keys of a section that are an author's: 10,000 rounds
/// take up to 4 milliseconds, so these are the tenth of a second of one master key,
/// of which each pays for a part.
pub(crate) const MAX_ATTEMPTS: u64 = rate::PARTS;

/// The rest of a number of attempts.
pub(crate) struct Attempts {
    left: Cell<u64>,
}

impl Attempts {
    /// As many as an author has.
    pub(crate) fn of_author() -> Self {
        Self {
            left: Cell::new(MAX_ATTEMPTS),
        }
    }

    /// For what the server's configuration says.
    pub(crate) fn without_bound() -> Self {
        Self {
            left: Cell::new(u64::MAX),
        }
    }

    /// Takes one, if there is any.
    pub(crate) fn take(&self) -> bool {
        let rest = self.left.get().checked_sub(1);
        rest.is_some_and(|rest| {
            self.left.set(rest);
            true
        })
    }

    /// How many of an author's have been taken.
    pub(crate) fn taken(&self) -> u64 {
        MAX_ATTEMPTS.saturating_sub(self.left.get())
    }
}
