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
        let start = now.saturating_sub(counters.age(uptime));
        let in_force: HashMap<_, _> = set_keys
            .into_iter()
            .map(|key| (key.counter, (key.dates, key.seals)))
            .collect();
        let keys = counters.keys().into_iter().map(|counts| {
            let in_set = in_force.get(&counts.counter).copied();
            let key = Key::new(counts, in_set, now);
            Key {
                since: not_before(start, key.since),
                ..key
            }
        });
        Self {
            version: VERSION,
            host,
            id,
            now,
            began: not_before(start, counters.began()),
            longest_lifetime,
            counters: Counts::of(counters),
            keys: keys.collect(),
            revocation,
        }
    }
}

/// A time of the counters, or their start if that is much later: a host that starts with a
/// clock that is far behind has not counted for years.
///
/// The start follows from two clocks, and differs by a second from one report to the next.
fn not_before(start: u64, time: u64) -> u64 {
    const MUCH: u64 = 60;
    if time.saturating_add(MUCH) < start {
        start
    } else {
        time
    }
}

#[cfg(test)]
mod tests {
    use session_crypto_core::SharedMemory;

    use super::*;
    use crate::sample::NOON;

    /// The time at which counters began that began at this time, when the host had been up
    /// for 40 s. It is noon now.
    fn began(time: u64, uptime: u64) -> u64 {
        let memory = SharedMemory::alone();
        memory.counters.begin(time, 40);
        let report = Report::of(ReportInput {
            host: String::new(),
            id: String::new(),
            now: NOON,
            uptime,
            longest_lifetime: 3_600,
            counters: &memory.counters,
            set_keys: Vec::new(),
            revocation: None,
        });
        report.began
    }

    #[test]
    fn a_clock_that_was_behind_makes_no_key_old() {
        assert_eq!(began(1, 100), NOON - 60);
        assert_eq!(began(NOON - 1_000, 940), NOON - 900);
    }

    #[test]
    fn the_fractions_of_two_clocks_do_not_count() {
        for uptime in [99, 100, 101] {
            assert_eq!(began(NOON - 60, uptime), NOON - 60);
        }
    }
}
