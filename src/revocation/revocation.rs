//! The list of a configuration in force.

use std::sync::Arc;

use session_crypto_core::{Added, LearnedFrom, Record, RevocationTable};

use super::kept_file::KeptFile;
use crate::ffi::{self, Bell, KeptTable, Level};
use crate::message::{Code, Message};

/// The list is full.
const FULL: Code = Code("SC0608");

/// The list of a configuration in force, and what the configuration says of it.
pub(crate) struct Revocation {
    table: RevocationTable,
    size: usize,
    longest: u64,
    /// Wakes the agent, if there is one.
    pub(super) bell: Option<Bell>,
    /// Whether sessions must not be opened while news are missing.
    pub(super) is_required: bool,
    pub(super) file: Option<Arc<KeptFile>>,
}

/// Milliseconds without news after which they are missing.
const MOST_SILENCE: u64 = 10_000;

/// Milliseconds for which news may come from the future: the clock was set back, or the
/// request is an old one.
const MOST_AHEAD: u64 = 600_000;

impl Revocation {
    /// Makes a list in a table; `longest` is the longest lifetime of any section, in
    /// seconds.
    pub(super) fn new(table: KeptTable, longest: u64) -> Self {
        Self {
            table: RevocationTable::new(table.words),
            size: table.size,
            longest,
            bell: None,
            is_required: false,
            file: None,
        }
    }

    /// The records.
    pub(crate) fn table(&self) -> &RevocationTable {
        &self.table
    }

    /// The records that there is room for.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// The longest lifetime of any section, in seconds: nobody accepts older sessions.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// Ends sessions, here at once and on other servers soon.
    pub(crate) fn revoke(&self, record: &Record, now: u64) {
        let added = self.table.add(record, LearnedFrom::Here, now);
        if let Some(bell) = self.bell {
            bell.ring();
        }
        if added == Added::Evicted && self.table.may_warn(now) {
            ffi::log_server(Level::Warning, &is_full(&self.table, self.size));
        }
    }

    /// Whether sessions must not be opened, because other servers may have ended them.
    pub(crate) fn is_missing_news(&self, now: u64) -> bool {
        if !self.is_required {
            return false;
        }
        let (heard, now) = (self.table.last_heard(), now.saturating_mul(1000));
        now.saturating_sub(heard) > MOST_SILENCE || heard.saturating_sub(now) > MOST_AHEAD
    }

    /// Keeps the list in its file, if it has one; for the parent, from time to time.
    pub(crate) fn keep(&self) {
        if let Some(file) = &self.file {
            file.write_if_changed(&self.table);
        }
    }
}

/// Says that a table has dropped records, and what would keep them.
pub(super) fn is_full(table: &RevocationTable, size: usize) -> Message {
    FULL.says(format!(
        "the list of ended sessions is full, and has dropped {} so far, of which copies may work \
         again: write size={} in SessionCryptoRevocation, then stop the server and start it",
        table.evictions(),
        size.saturating_mul(2)
    ))
}
