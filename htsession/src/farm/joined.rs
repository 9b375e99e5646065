//! Each key, with what each server says of it.

use session_crypto_status::{Key, Kind, State};

use crate::farm::key_file::{FileKey, KeyFile};
use crate::farm::servers::Server;

/// A key of a farm.
#[derive(Clone, Debug)]
pub(super) struct Joined {
    pub(super) kind: Kind,
    /// The id of the key in tokens, if a server knows it.
    pub(super) kid: Option<String>,
    /// Where it stands on the first server that has it; empty if none has it.
    pub(super) place: String,
    /// The position of its file, if it is a key of one.
    pub(super) file: Option<usize>,
    /// The words of each server about it, in the order of the servers.
    pub(super) on: Vec<OnServer>,
}

/// The report of a server about a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OnServer {
    /// Its state on the server now; `None` if the server has never had it.
    pub(super) state: Option<State>,
    pub(super) last_sealed: Option<u64>,
    pub(super) last_opened: Option<u64>,
    /// Seconds for which the server has not used the key, as far as its counters go back.
    pub(super) idle: u64,
}

impl Joined {
    /// The name by which the key is called.
    pub(super) fn name(&self) -> &str {
        self.kid.as_deref().unwrap_or(&self.place)
    }

    /// The positions of the servers that do this with it.
    pub(super) fn servers_that(&self, is_meant: impl Fn(Option<State>) -> bool) -> Vec<usize> {
        let on = self.on.iter().enumerate();
        let meant = on.filter(|(_, on)| is_meant(on.state));
        meant.map(|(position, _)| position).collect()
    }
}

/// The files that are not given, from what the servers say of theirs: places whose keys have
/// an id in common have the same file.
pub(super) fn other_files(files: &[KeyFile], servers: &[Server]) -> Vec<KeyFile> {
    let mut others: Vec<KeyFile> = Vec::new();
    for (place, keys) in servers.iter().flat_map(places) {
        let has_one = |file: &KeyFile| keys.iter().any(|key| file.key(kid(key)).is_some());
        if files.iter().any(has_one) {
            continue;
        }
        // The new file takes up all those that it has a key of.
        let (same, apart): (Vec<_>, Vec<_>) = others.into_iter().partition(has_one);
        let mut file = KeyFile {
            name: same.first().map_or(place, |file| &file.name).to_owned(),
            keys: Vec::new(),
            is_here: false,
        };
        let known = same.into_iter().flat_map(|file| file.keys);
        let known = known.chain(keys.iter().map(|key| FileKey {
            kid: kid(key).to_owned(),
            nbf: key.nbf,
            exp: key.exp,
        }));
        for key in known {
            if file.key(&key.kid).is_none() {
                file.keys.push(key);
            }
        }
        others = apart;
        others.push(file);
    }
    others
}

/// The places of a server's key files, with the keys that are in force there.
pub(super) fn places(server: &Server) -> Vec<(&str, Vec<&Key>)> {
    let mut places: Vec<(&str, Vec<&Key>)> = Vec::new();
    let keys = server.report.keys.iter();
    for key in keys.filter(|key| key.kind == Kind::Set && key.state != State::Gone) {
        match places.iter_mut().find(|(place, _)| *place == key.place) {
            Some((_, keys)) => keys.push(key),
            None => places.push((&key.place, vec![key])),
        }
    }
    places
}

/// The id of a key of a JWK Set.
pub(super) fn kid(key: &Key) -> &str {
    key.kid.as_deref().unwrap_or_default()
}

/// The keys of all files, and those beside files that a server has.
pub(super) fn keys(files: &[KeyFile], servers: &[Server]) -> Vec<Joined> {
    let mut joined = Vec::new();
    for (position, file) in files.iter().enumerate() {
        for key in &file.keys {
            let kid = Some(key.kid.clone());
            joined.push(join(Kind::Set, kid, Some(position), servers));
        }
    }
    let in_force = servers.iter().flat_map(|server| &server.report.keys);
    for key in in_force.filter(|key| key.state != State::Gone) {
        let is_known = |other: &Joined| other.kind == key.kind && is_of(key, other);
        let is_beside = match key.kind {
            // A server may have taken no notice that such a key has left its file.
            Kind::Set if key.state == State::Ended => false,
            // A server that is behind may have a key that is no longer in the file.
            Kind::Set | Kind::Passphrase | Kind::Certificate => !joined.iter().any(is_known),
            Kind::Htaccess | Kind::Other => false,
        };
        if is_beside {
            let mut new = join(key.kind, key.kid.clone(), None, servers);
            if new.kid.is_none() {
                new.place.clone_from(&key.place);
                new.on = on_servers(&new, servers);
            }
            joined.push(new);
        }
    }
    joined
}

fn join(kind: Kind, kid: Option<String>, file: Option<usize>, servers: &[Server]) -> Joined {
    let mut joined = Joined {
        kind,
        kid,
        place: String::new(),
        file,
        on: Vec::new(),
    };
    let all = servers.iter().flat_map(|server| &server.report.keys);
    let mut own = all.filter(|key| key.kind == kind && key.kid.is_some() && key.kid == joined.kid);
    if let Some(key) = own.next() {
        joined.place.clone_from(&key.place);
    }
    joined.on = on_servers(&joined, servers);
    joined
}

/// Whether a row of a server's report is about a key, or may be: a passphrase whose id the
/// server does not know may be any at the same place.
fn is_of(row: &Key, key: &Joined) -> bool {
    match (&row.kid, &key.kid) {
        (Some(row), Some(key)) => row == key,
        _ => row.place == key.place,
    }
}

/// Whether a passphrase at another place may be the same: one of the servers does not know
/// its id.
fn may_be_at_another_place(row: &Key, key: &Joined) -> bool {
    let is_passphrase = row.kind == Kind::Passphrase && key.kind == Kind::Passphrase;
    is_passphrase && (row.kid.is_none() || key.kid.is_none())
}

fn on_servers(key: &Joined, servers: &[Server]) -> Vec<OnServer> {
    let on = servers.iter().map(|server| on_server(key, server));
    on.collect()
}

fn on_server(key: &Joined, server: &Server) -> OnServer {
    let report = &server.report;
    let rows = report.keys.iter();
    let mut rows: Vec<&Key> = rows
        .filter(|row| row.kind == key.kind && is_of(row, key))
        .collect();
    let is_elsewhere = rows.is_empty();
    if is_elsewhere {
        // It may be one of those without a counter of their own, or at another place.
        let may_be = |row: &&Key| row.kind == Kind::Other || may_be_at_another_place(row, key);
        rows.extend(report.keys.iter().filter(may_be));
    }
    let last = |time: fn(&Key) -> Option<u64>| rows.iter().filter_map(|row| time(row)).max();
    let uses = rows
        .iter()
        .map(|row| row.last_used().unwrap_or_default().max(row.since));
    // Before its counters began, a server may have had keys that it now has not.
    let since = uses.max().unwrap_or(report.began);
    OnServer {
        state: match (is_elsewhere, rows.is_empty()) {
            (_, true) => None,
            (true, false) => Some(State::Several),
            (false, false) => {
                let states = rows.iter().map(|row| row.state);
                states.min_by_key(|state| rank(*state))
            }
        },
        last_sealed: last(|row| row.last_sealed),
        last_opened: last(|row| row.last_opened),
        idle: report.now.saturating_sub(since),
    }
}

/// The rank of a state among those that a key has at several places of a server: the first
/// one counts.
fn rank(state: State) -> u8 {
    match state {
        State::Seals => 0,
        State::Several => 1,
        State::Opens => 2,
        State::Begins => 3,
        State::Ended => 4,
        State::Gone => 5,
    }
}
