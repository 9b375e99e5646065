//! The state of a key in words, and what to do next.

use session_crypto_core::times::span;

use crate::key::{Key, Kind, State};
use crate::report::Report;
use crate::words::{date, from_now};

/// The words about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What the key does.
    pub state: String,
    /// What to do next; empty if there is nothing to do.
    pub next: String,
    /// As far as this server can tell, nobody loses a session if the key goes.
    pub may_go: bool,
}

/// The words about a key of a report.
///
/// A key may go when it does not seal, and was not used for longer than a session may live.
/// The time before the key was counted does not count as time without use.
pub fn advice(key: &Key, report: &Report) -> Advice {
    let (now, lifetime) = (report.now, report.longest_lifetime);
    let last_use = match key.last_used() {
        Some(time) => format!("last used {}", from_now(time, now)),
        None => format!("not used since {}, when counting began", date(key.since)),
    };
    let quiet_since = key.last_used().unwrap_or_default().max(key.since);
    let may_go_at = quiet_since.saturating_add(lifetime);
    let is_needed = now <= may_go_at;
    let (state, next) = match key.state {
        State::Seals => ("seals now".to_owned(), before_end(key, report)),
        State::Opens if is_needed => (
            format!("opens only; {last_use}"),
            format!(
                "keep it: it can go in {}, unless it is used till then",
                span(may_go_at.saturating_sub(now).max(1))
            ),
        ),
        State::Opens => (
            format!(
                "opens only; {last_use}, and sessions live {}",
                span(lifetime)
            ),
            "it can go".to_owned(),
        ),
        State::Begins => {
            let begin = key.nbf.unwrap_or(now);
            let state = format!("begins to seal {}", from_now(begin, now));
            (state, "nothing to do: it opens tokens already".to_owned())
        }
        State::Ended => {
            let end = key.exp.unwrap_or(now);
            let state = format!("ended {}, and opens nothing", from_now(end, now));
            (state, "take it out of its file".to_owned())
        }
        State::Gone if is_needed && key.last_used().is_some() => (
            format!("not configured any more; {last_use}"),
            "put it back if users are logged out: its sessions are refused".to_owned(),
        ),
        State::Gone => (
            format!("not configured any more; {last_use}"),
            String::new(),
        ),
        State::Several if key.kind == Kind::Htaccess => {
            let state = "several, counted together".to_owned();
            (state, "the authors of these files decide".to_owned())
        }
        State::Several => {
            let state = "several, counted together".to_owned();
            (
                state,
                "stop and start the server to count the keys anew".to_owned(),
            )
        }
    };
    Advice {
        state,
        next,
        may_go: match key.state {
            State::Opens => !is_needed,
            State::Ended => true,
            _ => false,
        },
    }
}

/// The files of JWK Sets of which no key seals at the time of the report.
pub(crate) fn without_sealing_key(report: &Report) -> Vec<&str> {
    let sets = report.keys.iter().filter(|key| key.kind == Kind::Set);
    let in_force = sets.filter(|key| key.state != State::Gone);
    let mut places: Vec<&str> = in_force.map(|key| key.place.as_str()).collect();
    places.dedup();
    places.retain(|place| {
        let mut keys = report.keys.iter().filter(|key| key.place == *place);
        !keys.any(|key| key.state == State::Seals)
    });
    places
}

/// What to do before the key that seals ends.
fn before_end(key: &Key, report: &Report) -> String {
    let Some(end) = key.exp else {
        return String::new();
    };
    let mut others = report.keys.iter().filter(|other| {
        let is_there = other.place == key.place && other.kid != key.kid;
        is_there && !matches!(other.state, State::Ended | State::Gone)
    });
    let follows = others.any(|other| {
        other.nbf.is_none_or(|begin| begin <= end) && other.exp.is_none_or(|other| other > end)
    });
    let when = from_now(end, report.now);
    if follows {
        format!("nothing to do: it ends {when}, and another key of its file follows")
    } else {
        format!("add a key with htsession rotate: it ends {when}, and none of its file follows")
    }
}
