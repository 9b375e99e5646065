//! Reports with keys, for tests.

use session_crypto_status::{Counts, Key, Kind, Report, State, VERSION};

use crate::farm::key_file::{FileKey, KeyFile};
use crate::farm::servers::{Server, Servers, Silent};

/// The time of all reports: 2027-01-15, 8 o'clock.
pub(super) const NOON: u64 = 1_800_000_000;

/// Seconds that sessions live.
pub(super) const LIFETIME: u64 = 8 * 3_600;

/// A key of a file that was never used, and is counted for ten days.
pub(super) fn key(kid: &str, state: State) -> Key {
    Key {
        kind: Kind::Set,
        kid: Some(kid.to_owned()),
        place: "/etc/httpd/keys".to_owned(),
        state,
        nbf: None,
        exp: None,
        since: NOON - 10 * 86_400,
        sealed: 0,
        opened: 0,
        last_sealed: None,
        last_opened: None,
    }
}

/// A key that opened a token last so many seconds ago.
pub(super) fn opened(kid: &str, ago: u64) -> Key {
    Key {
        last_opened: Some(NOON.saturating_sub(ago)),
        ..key(kid, State::Opens)
    }
}

/// A key that has these dates.
pub(super) fn dated(key: Key, nbf: Option<u64>, exp: Option<u64>) -> Key {
    Key { nbf, exp, ..key }
}

/// A server that has counted for ten days.
pub(super) fn server(name: &str, keys: Vec<Key>) -> Server {
    Server {
        name: name.to_owned(),
        address: format!("https://{name}/status"),
        report: Report {
            version: VERSION,
            host: "machine".to_owned(),
            id: name.to_owned(),
            now: NOON,
            began: NOON - 10 * 86_400,
            longest_lifetime: LIFETIME,
            counters: Counts::default(),
            keys,
            revocation: None,
        },
        received: NOON,
    }
}

/// A farm whose servers all answer.
pub(super) fn farm(answered: Vec<Server>) -> Servers {
    let silent = Vec::new();
    Servers { answered, silent }
}

/// A server that does not answer.
pub(super) fn silent(name: &str) -> Silent {
    Silent {
        name: name.to_owned(),
        address: format!("https://{name}/status"),
        words: format!("https://{name}/status does not answer: start it"),
    }
}

/// The file of this host.
pub(super) fn file(keys: &[(&str, Option<u64>, Option<u64>)]) -> KeyFile {
    let keys = keys.iter().map(|(kid, nbf, exp)| FileKey {
        kid: (*kid).to_owned(),
        nbf: *nbf,
        exp: *exp,
    });
    KeyFile {
        name: "keys".to_owned(),
        keys: keys.collect(),
        is_here: true,
    }
}
