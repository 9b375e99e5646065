//! The list of sessions that have ended before their time.

use session_crypto_core::{LearnedFrom, Record, RevocationTable};

/// The list of a configuration in force, and what the configuration says of it.
pub(crate) struct Revocation {
    table: RevocationTable,
    longest: u64,
}

impl Revocation {
    /// Makes a list in a table; `longest` is the longest lifetime of any section, in
    /// seconds.
    pub(crate) fn new(table: RevocationTable, longest: u64) -> Self {
        Self { table, longest }
    }

    /// The records.
    pub(crate) fn table(&self) -> &RevocationTable {
        &self.table
    }

    /// The longest lifetime of any section, in seconds: nobody accepts older sessions.
    pub(crate) fn longest(&self) -> u64 {
        self.longest
    }

    /// Ends sessions.
    pub(crate) fn revoke(&self, record: &Record, now: u64) {
        let _ = self.table.add(record, LearnedFrom::Here, now);
    }

    /// Whether sessions must not be opened, because other servers may have ended them.
    pub(crate) fn is_missing_news(&self, _now: u64) -> bool {
        false
    }
}
