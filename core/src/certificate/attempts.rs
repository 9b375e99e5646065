//! The number of passphrases that are tried on private keys.
//!
//! An attempt takes as many rounds as the key says, up to the limit in `rounds`. A
//! `.htaccess` file causes a limited number of attempts in each section. During a
//! request, its author also pays for the attempts from the allowance for master keys of
//! JWE.

use std::cell::Cell;

use crate::rate;

/// The occasion on which settings are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// The configuration is read, before the server answers a request.
    Startup,
    /// A request is answered.
    Request {
        /// The time at which the request came, in Unix seconds.
        now: u64,
    },
}

/// The most attempts on all private keys of a section that a `.htaccess` file causes.
///
/// An attempt of 10,000 rounds takes up to 4 milliseconds, so all of them take a tenth
/// of a second, like one master key. Each attempt costs one part of a master key.
pub(crate) const MAX_ATTEMPTS: u64 = rate::PARTS;

/// The attempts that are left.
pub(crate) struct Attempts {
    left: Cell<u64>,
}

impl Attempts {
    /// The attempts that a `.htaccess` file may cause.
    pub(crate) fn of_author() -> Self {
        Self {
            left: Cell::new(MAX_ATTEMPTS),
        }
    }

    /// Attempts without a limit, for the server's configuration.
    pub(crate) fn without_bound() -> Self {
        Self {
            left: Cell::new(u64::MAX),
        }
    }

    /// Takes one attempt, and returns whether there was one.
    pub(crate) fn take(&self) -> bool {
        let rest = self.left.get().checked_sub(1);
        rest.is_some_and(|rest| {
            self.left.set(rest);
            true
        })
    }

    /// The number of attempts of an author that have been taken.
    pub(crate) fn taken(&self) -> u64 {
        MAX_ATTEMPTS.saturating_sub(self.left.get())
    }
}
