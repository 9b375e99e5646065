//! How many expensive derivations requests may ask for, and who has asked.

use std::sync::atomic::AtomicU64;

use crate::rate::Rate;

/// The one who pays for a master key that no parent could derive, or for passphrases
/// that are tried on private keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payer {
    /// The server's configuration, for settings that only a request brings
    /// together.
    #[default]
    Server,
    /// The user who owns a `.htaccess` file, by number.
    Author(u32),
}

impl Payer {
    /// The author, or else the other payer.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Server => other,
            author @ Self::Author(_) => author,
        }
    }
}

/// The use that a key is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyUse {
    Sealing,
    /// Any client can ask for it, so half of every burst is kept back for sealing.
    Opening,
}

/// Derivations on demand of a whole server: 2.4 % of one processor, at 0.12 s
/// each.
const ALL: Rate = Rate {
    interval: 5,
    burst: 16,
};

/// The rate for one payer, half of that for all: no payer can take more.
const EACH: Rate = Rate {
    interval: 10,
    burst: 8,
};

/// The accounts of all payers, in memory that the processes of a server share.
pub(crate) struct Allowance {
    /// The account of all, and then those of the payers.
    accounts: &'static [AtomicU64],
}

impl Allowance {
    /// Keeps the accounts in these words.
    pub(crate) fn new(accounts: &'static [AtomicU64]) -> Self {
        Self { accounts }
    }

    /// Has a payer pay for a number of parts; a whole derivation has
    /// `PARTS`. Returns whether enough was left.
    pub(crate) fn pay(&self, payer: Payer, usage: KeyUse, parts: u64, now: u64) -> bool {
        let Some((all, own)) = self.accounts(payer) else {
            return false;
        };
        let reserve = |rate: Rate| match usage {
            KeyUse::Sealing => 0,
            KeyUse::Opening => rate.burst / 2,
        };
        if !EACH.take(own, parts, now, reserve(EACH)) {
            return false;
        }
        let paid = ALL.take(all, parts, now, reserve(ALL));
        if !paid {
            EACH.give_back(own, parts);
        }
        paid
    }

    /// Gives parts back to the payer that were not used.
    pub(crate) fn give_back(&self, payer: Payer, parts: u64) {
        if let Some((all, own)) = self.accounts(payer) {
            ALL.give_back(all, parts);
            EACH.give_back(own, parts);
        }
    }

    /// The account of all, and that of the payer.
    fn accounts(&self, payer: Payer) -> Option<(&AtomicU64, &AtomicU64)> {
        let (all, payers) = self.accounts.split_first()?;
        let index = match payer {
            Payer::Server => 0,
            // Two users may share a word: neither has more than half of all.
            Payer::Author(number) => {
                let number = usize::try_from(number).ok()?;
                let index = number.checked_rem(payers.len().saturating_sub(1))?;
                index.checked_add(1)?
            }
        };
        Some((all, payers.get(index)?))
    }
}
