//! A report with something of each kind, for tests.

use session_crypto_core::{EndpointReason, Limit, Refusal, SessionReason, TokenFormat};

use crate::counts::{ByLabel, Counts, Devices, Errors, Reloads};
use crate::key::{Key, Kind, State};
use crate::report::{Records, Report, VERSION};

/// The time of the report: 2027-01-15, 8 o'clock.
pub(crate) const NOON: u64 = 1_800_000_000;

/// A text that means something in each form.
pub(crate) const ODD: &str = "<b>\"&'\\\n\u{1}\u{e4}";

/// A key that opens, and did so five hours ago.
pub(crate) fn key(kid: &str, state: State) -> Key {
    Key {
        kind: Kind::Set,
        kid: Some(kid.to_owned()),
        place: "/etc/httpd/keys.jwks".to_owned(),
        state,
        nbf: None,
        exp: None,
        since: NOON - 86_400,
        sealed: 3,
        opened: 4,
        last_sealed: Some(NOON - 36_000),
        last_opened: Some(NOON - 18_000),
    }
}

/// A report of a server whose sessions live eight hours.
pub(crate) fn report(keys: Vec<Key>) -> Report {
    let labels = |labels: &[&str]| -> ByLabel {
        let labels = labels.iter().zip(1..);
        labels
            .map(|(label, count)| ((*label).to_owned(), count))
            .collect()
    };
    Report {
        version: VERSION,
        host: ODD.to_owned(),
        id: "id".to_owned(),
        now: NOON,
        began: NOON - 864_000,
        longest_lifetime: 8 * 3_600,
        counters: Counts {
            sealed: labels(&TokenFormat::ALL.map(TokenFormat::label)),
            opened: labels(&TokenFormat::ALL.map(TokenFormat::label)),
            stale: 101,
            refused: labels(&Refusal::ALL.map(Refusal::label)),
            expired: 102,
            revoked: 103,
            ended: labels(&Limit::ALL.map(Limit::label)),
            errors: Errors {
                not_opened: 104,
                not_sealed: 105,
                unusable: 106,
            },
            derivations: 107,
            private_key_operations: 108,
            oversize: 109,
            reloads: Reloads {
                good: 110,
                failed: 111,
            },
            devices: Devices {
                offered: 121,
                registered: 122,
                refreshed: 123,
                became_bound: 124,
                bound: 125,
                unbound: 126,
                tolerated: 127,
                refused: labels(&SessionReason::LABELS),
                denied: labels(&EndpointReason::LABELS),
            },
        },
        keys,
        revocation: Some(Records {
            size: 1_000,
            used: 112,
            dropped: 113,
        }),
    }
}
