//! A report, gathered from what the process knows.

use session_crypto_core::KeySet;
use session_crypto_status::{Records, Report, ReportInput, SetKey};

use crate::clock;
use crate::ffi::{host, uptime};
use crate::revocation::Revocation;
use crate::state::State;

/// The report of this server. The work for it is bounded.
pub(super) fn report(state: &State) -> Report {
    let now = clock::now();
    let files = state.key_files.all();
    let set_keys = files.iter().flat_map(|file| {
        // The keys that a request would use now.
        let in_force = file.keys(&state.keyring);
        set_keys(&in_force.keys, now)
    });
    Report::of(ReportInput {
        host: host::name(),
        id: state.keyring.server_id(),
        now,
        uptime: uptime(),
        longest_lifetime: state.longest_lifetime(),
        counters: &state.counters(),
        set_keys: set_keys.collect(),
        revocation: state.revocation().map(|list| records(list, now)),
    })
}

fn set_keys(keys: &KeySet, now: u64) -> Vec<SetKey> {
    let sealing = keys.sealing(now).map(|key| key.id());
    let keys = keys.keys().map(|key| SetKey {
        counter: key.counter(),
        dates: *key.dates(),
        seals: sealing == Some(key.id()),
    });
    keys.collect()
}

fn records(list: &Revocation, now: u64) -> Records {
    let number = |records: usize| u64::try_from(records).unwrap_or(u64::MAX);
    Records {
        size: number(list.size()),
        used: number(list.table().filling(now)),
        dropped: list.table().evictions(),
    }
}
