//! A report.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use session_crypto_core::{Counters, Dates, KeyCounter};

use crate::counts::Counts;
use crate::key::Key;

/// The version of the JSON form. It grows when a member goes or changes its meaning; a new
/// member leaves it as it is.
pub const VERSION: u64 = 1;

/// The report of a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// [`VERSION`] of the server.
    pub version: u64,
    /// The name of the machine.
    pub host: String,
    /// Tells the server from all others, until it is stopped; empty if it does not say.
    #[serde(default)]
    pub id: String,
    /// The time of the report, in Unix seconds.
    pub now: u64,
    /// When the counters began, in Unix seconds; 0 if nothing is counted.
    pub began: u64,
    /// The longest that a session of any section may live, in seconds.
    pub longest_lifetime: u64,
    /// The counts.
    pub counters: Counts,
    /// The keys, in the order of kind, place and id.
    pub keys: Vec<Key>,
    /// The list of ended sessions, if there is one.
    pub revocation: Option<Records>,
}

/// The filling of a list of ended sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// The records that it has room for.
    pub size: u64,
    /// The records that it has; of a large list, an estimate.
    pub used: u64,
    /// The records that were dropped for want of room.
    pub dropped: u64,
}

/// The state of a server that a report is made of.
pub struct ReportInput<'s> {
    /// The name of the machine.
    pub host: String,
    /// Tells the server from all others, until it is stopped.
    pub id: String,
    /// The time, in Unix seconds.
    pub now: u64,
    /// The seconds since this host was started.
    pub uptime: u64,
    /// The longest that a session of any section may live, in seconds.
    pub longest_lifetime: u64,
    /// The counters.
    pub counters: &'s Counters,
    /// The keys of the JWK Sets in force.
    pub set_keys: Vec<SetKey>,
    /// The list of ended sessions, if there is one.
    pub revocation: Option<Records>,
}

/// A key of a JWK Set in force.
#[derive(Clone, Debug)]
pub struct SetKey {
    /// The counter of the key.
    pub counter: KeyCounter,
    /// The dates of the key.
    pub dates: Dates,
    /// The set seals with the key.
    pub seals: bool,
}

impl Report {
    /// Makes the report of a server.
    pub fn of(input: ReportInput<'_>) -> Self {
        let ReportInput {
            host,
            id,
            now,
            uptime,
            longest_lifetime,
            counters,
            set_keys,
            revocation,
        } = input;
        // A host that starts with a clock that is far behind has not counted for years.
        let earliest = now.saturating_sub(counters.age(uptime));
        let in_force: HashMap<_, _> = set_keys
            .into_iter()
            .map(|key| (key.counter, (key.dates, key.seals)))
            .collect();
        let keys = counters.keys().into_iter().map(|counts| {
            let in_set = in_force.get(&counts.counter).copied();
            let key = Key::new(counts, in_set, now);
            Key {
                since: key.since.max(earliest),
                ..key
            }
        });
        Self {
            version: VERSION,
            host,
            id,
            now,
            began: counters.began().max(earliest),
            longest_lifetime,
            counters: Counts::of(counters),
            keys: keys.collect(),
            revocation,
        }
    }
}

#[cfg(test)]
mod tests {
    use session_crypto_core::SharedMemory;

    use super::*;
    use crate::sample::NOON;

    #[test]
    fn a_clock_that_was_behind_makes_no_key_old() {
        let memory = SharedMemory::alone();
        // Counted for a minute, and for 57 years by a clock that has been set since.
        memory.counters.begin(1, 40);
        let report = |uptime| {
            Report::of(ReportInput {
                host: String::new(),
                id: String::new(),
                now: NOON,
                uptime,
                longest_lifetime: 3_600,
                counters: &memory.counters,
                set_keys: Vec::new(),
                revocation: None,
            })
        };
        assert_eq!(report(100).began, NOON - 60);
        assert_eq!(report(NOON + 60).began, 1);
    }
}
