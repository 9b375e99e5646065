//! How many expensive derivations requests may ask for, and who pays for them.

use std::sync::atomic::AtomicU64;

use crate::rate::Rate;

/// The account that pays when a request needs an expensive derivation: a master key that
/// the parent could not derive, or passphrases that are tried on private keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payer {
    /// The account of the server's configuration, for settings that only a request brings
    /// together.
    #[default]
    Server,
    /// The account of a user who owns a `.htaccess` file, by the number of the user.
    Author(u32),
}

impl Payer {
    /// This payer if it is an author, or else the other payer.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Server => other,
            author @ Self::Author(_) => author,
        }
    }
}

/// The use that a derived key is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyUse {
    Sealing,
    /// Any client can ask for this use, so half of every burst is reserved for sealing.
    Opening,
}

/// The rate for all payers together: 2.4 % of one processor, at 0.12 s a derivation.
const ALL: Rate = Rate {
    interval: 5,
    burst: 16,
};

/// The rate for one payer, who can take half of what there is for all.
const EACH: Rate = Rate {
    interval: 10,
    burst: 8,
};

/// The accounts of all payers, in memory that the processes of a server share.
pub(crate) struct Allowance {
    /// The common account, and then the accounts of the payers.
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

    /// Gives unused parts back to the payer.
    pub(crate) fn give_back(&self, payer: Payer, parts: u64) {
        if let Some((all, own)) = self.accounts(payer) {
            ALL.give_back(all, parts);
            EACH.give_back(own, parts);
        }
    }

    /// The common account, and the account of the payer.
    fn accounts(&self, payer: Payer) -> Option<(&AtomicU64, &AtomicU64)> {
        let (all, payers) = self.accounts.split_first()?;
        let index = match payer {
            Payer::Server => 0,
            // Two users may share an account; together they have no more than one payer.
            Payer::Author(number) => {
                let number = usize::try_from(number).ok()?;
                let index = number.checked_rem(payers.len().saturating_sub(1))?;
                index.checked_add(1)?
            }
        };
        Some((all, payers.get(index)?))
    }
}
