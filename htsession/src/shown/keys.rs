//! The role of each key of a set, and when that changes.

use std::fmt;

use serde_json::{Value, json};
use session_crypto_core::{KeySet, SetKey};

use crate::shown::times::time;

/// The role of a key at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// It has not begun. It opens sessions of servers whose clock is ahead.
    Waits,
    /// It seals new sessions, and opens.
    Seals,
    /// It opens; a newer one seals.
    Opens,
    /// It has ended.
    Ended,
}

impl fmt::Display for Role {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Waits => "waits",
            Self::Seals => "seals",
            Self::Opens => "opens",
            Self::Ended => "ended",
        })
    }
}

/// The role of a key at a Unix time in seconds.
pub(crate) fn role(set: &KeySet, key: &SetKey, now: u64) -> Role {
    if key.dates().has_ended(now) {
        Role::Ended
    } else if !key.dates().has_begun(now) {
        Role::Waits
    } else if set
        .sealing(now)
        .is_some_and(|sealing| sealing.id() == key.id())
    {
        Role::Seals
    } else {
        Role::Opens
    }
}

/// When the role of a key changes next, and the role that follows.
pub(crate) fn change(set: &KeySet, key: &SetKey, now: u64) -> Option<(u64, Role)> {
    let present = role(set, key, now);
    let mut at = now;
    loop {
        at = set.next_change(at)?;
        let next = role(set, key, at);
        if next != present {
            return Some((at, next));
        }
    }
}

/// A key in words: its role, and when that changes.
pub(crate) fn words(set: &KeySet, key: &SetKey, now: u64) -> String {
    let present = role(set, key, now);
    match change(set, key, now) {
        Some((at, next)) => format!("{present} until {}, then {}", time(at, now), verb(next)),
        None => match (present, key.dates().expires) {
            (Role::Ended, Some(end)) => format!("ended {}", time(end, now)),
            _ => format!("{present} without an end"),
        },
    }
}

fn verb(role: Role) -> &'static str {
    match role {
        Role::Waits => "waits",
        Role::Seals => "seals",
        Role::Opens => "opens",
        Role::Ended => "has ended",
    }
}

/// A key as JSON.
pub(crate) fn json(set: &KeySet, key: &SetKey, now: u64) -> Value {
    let change = change(set, key, now);
    let dates = key.dates();
    json!({
        "kid": key.id().as_str(),
        "alg": key.alg(),
        "nbf": dates.not_before,
        "exp": dates.expires,
        "iat": dates.issued_at,
        "now": role(set, key, now).to_string(),
        "until": change.map(|(at, _)| at),
        "then": change.map(|(_, next)| next.to_string()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn set(keys: &str) -> KeySet {
        let keys = keys.replace("KEY", r#""kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAA""#);
        KeySet::parse(format!(r#"{{"keys":[{keys}]}}"#).as_bytes()).unwrap()
    }

    #[test]
    fn a_key_waits_seals_opens_and_ends() {
        let set = set(&format!(
            r#"{{KEY,"kid":"a","nbf":{},"exp":{}}},{{KEY,"kid":"b","nbf":{}}}"#,
            NOON + 10,
            NOON + 30,
            NOON + 20
        ));
        let a = set.keys().next().unwrap();
        let mut at = NOON;
        for (begins, expected) in [
            (NOON + 10, Role::Waits),
            (NOON + 20, Role::Seals),
            (NOON + 30, Role::Opens),
        ] {
            assert_eq!(role(&set, a, at), expected);
            let (next, _) = change(&set, a, at).unwrap();
            assert_eq!(next, begins);
            at = next;
        }
        assert_eq!(
            (role(&set, a, at), change(&set, a, at)),
            (Role::Ended, None)
        );
        assert_eq!(words(&set, a, at), "ended 2027-01-15T08:00:30Z (now)");
        let b = set.keys().nth(1).unwrap();
        assert_eq!(words(&set, b, at), "seals without an end");
        assert_eq!(
            words(&set, b, NOON),
            "waits until 2027-01-15T08:00:20Z (in 20 seconds), then seals"
        );
    }
}
