//! The state of a key in words, and what to do next.

use std::collections::BTreeSet;

use session_crypto_core::times::span;

use crate::key::{Key, Kind, State};
use crate::report::Report;
use crate::words::{date, from_now};

/// The words about a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// The state of the key.
    pub state: String,
    /// The next step.
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
    let mut of_its_file = report.keys.iter().filter(|other| other.place == key.place);
    let has_sealing_key = of_its_file.any(|other| other.state == State::Seals);
    let seals_again = seals_again(key, report);
    let (state, next) = match (key.state, seals_again) {
        (State::Seals, _) => ("seals now".to_owned(), before_end(key, report)),
        (State::Opens, Some(again)) => {
            let when = from_now(again, now);
            (
                format!("opens only; {last_use}"),
                format!("keep it: it seals again {when}, when another key ends"),
            )
        }
        (State::Opens, _) if is_needed => (
            format!("opens only; {last_use}"),
            format!(
                "keep it: it can go in {}, unless it is used before then",
                span(may_go_at.saturating_sub(now).max(1))
            ),
        ),
        (State::Opens, _) => {
            let is_new = key.kind != Kind::Set && key.last_used().is_none();
            let next = match is_new {
                true => "it can go, unless it is to seal next",
                false => "it can go, as far as this server knows",
            };
            (format!("opens only; {last_use}"), next.to_owned())
        }
        (State::Begins, _) => {
            let begin = key.nbf.unwrap_or(now);
            let state = format!("begins to seal {}", from_now(begin, now));
            (state, "nothing to do: it opens tokens already".to_owned())
        }
        (State::Ended, _) => {
            let end = key.exp.unwrap_or(now);
            let state = format!("ended {}, and opens nothing", from_now(end, now));
            let next = match has_sealing_key {
                true => "it can go: htsession rotate takes it out",
                false => {
                    "add a key with htsession rotate, which takes it out: none of its file seals"
                }
            };
            (state, next.to_owned())
        }
        (State::Gone, _) if is_needed && key.last_used().is_some() => (
            format!("not configured any more; {last_use}"),
            "put it back if users are logged out: its sessions are refused".to_owned(),
        ),
        (State::Gone, _) => (
            format!("not configured any more; {last_use}"),
            "nothing to do".to_owned(),
        ),
        (State::Several, _) if key.kind == Kind::Htaccess => {
            let state = "several, counted together".to_owned();
            (state, "the authors of these files decide".to_owned())
        }
        (State::Several, _) => {
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
            State::Opens => !is_needed && seals_again.is_none(),
            State::Ended => has_sealing_key,
            _ => false,
        },
    }
}

/// When a key of a file that only opens seals again, because the one that seals ends before
/// it: in Unix seconds. Each of several keys that could counts.
fn seals_again(key: &Key, report: &Report) -> Option<u64> {
    let is_of_file = |other: &&Key| other.kind == Kind::Set && other.place == key.place;
    let keys: Vec<&Key> = report.keys.iter().filter(is_of_file).collect();
    let sealing = keys.iter().find(|other| other.state == State::Seals)?;
    let end = sealing.exp?;
    let can_seal = |other: &&&Key| {
        let has_begun = other.nbf.is_none_or(|begin| begin <= end);
        let is_there = matches!(other.state, State::Opens | State::Begins);
        is_there && has_begun && other.exp.is_none_or(|other| other > end)
    };
    let newest = keys.iter().filter(can_seal).map(|other| other.nbf).max()?;
    let is_newest = key.state == State::Opens && key.kind == Kind::Set && key.nbf == newest;
    (is_newest && can_seal(&&key)).then_some(end)
}

/// The files of JWK Sets of which no key seals at the time of the report.
pub(crate) fn without_sealing_key(report: &Report) -> Vec<&str> {
    let places = |is_meant: fn(State) -> bool| -> BTreeSet<&str> {
        let sets = report.keys.iter().filter(|key| key.kind == Kind::Set);
        let meant = sets.filter(|key| is_meant(key.state));
        meant.map(|key| key.place.as_str()).collect()
    };
    let in_force = places(|state| state != State::Gone);
    let sealing = places(|state| state == State::Seals);
    in_force.difference(&sealing).copied().collect()
}

/// The next step for a key that seals, which may be due before it ends.
fn before_end(key: &Key, report: &Report) -> String {
    let Some(end) = key.exp else {
        return "nothing to do".to_owned();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{NOON, key, report};

    const HOUR: u64 = 3_600;

    fn of(key: Key) -> Advice {
        let seals = crate::sample::key("now", State::Seals);
        let report = report(vec![key.clone(), seals]);
        advice(&key, &report)
    }

    fn words(key: Key) -> (String, String, bool) {
        let advice = of(key);
        (advice.state, advice.next, advice.may_go)
    }

    #[test]
    fn a_key_may_go_once_it_was_not_used_for_longer_than_sessions_live() {
        let used = |ago| Key {
            last_opened: Some(NOON - ago),
            ..key("old", State::Opens)
        };
        assert!(!of(used(0)).may_go);
        assert!(!of(used(8 * HOUR)).may_go);
        assert!(of(used(8 * HOUR + 1)).may_go);
        assert_eq!(
            words(used(5 * HOUR)),
            (
                "opens only; last used 5 hours ago".to_owned(),
                "keep it: it can go in 3 hours, unless it is used before then".to_owned(),
                false
            )
        );
        assert_eq!(
            words(used(9 * HOUR)),
            (
                "opens only; last used 9 hours ago".to_owned(),
                "it can go, as far as this server knows".to_owned(),
                true
            )
        );
    }

    #[test]
    fn sealing_counts_as_use() {
        let sealed = Key {
            last_opened: None,
            last_sealed: Some(NOON - HOUR),
            ..key("old", State::Opens)
        };
        assert!(!of(sealed).may_go);
    }

    #[test]
    fn the_time_before_a_key_is_counted_is_no_time_without_use() {
        let unused = |since| Key {
            last_opened: None,
            last_sealed: None,
            since: NOON - since,
            ..key("old", State::Opens)
        };
        assert!(!of(unused(8 * HOUR)).may_go);
        assert!(of(unused(8 * HOUR + 1)).may_go);
        let (state, ..) = words(unused(9 * HOUR));
        assert_eq!(
            state,
            "opens only; not used since 2027-01-14 23:00 UTC, when counting began"
        );
    }

    #[test]
    fn a_key_that_follows_the_one_that_seals_stays() {
        let old = key("old", State::Opens);
        let unused = Key {
            last_opened: None,
            last_sealed: None,
            since: NOON - 9 * HOUR,
            ..old.clone()
        };
        let sealing = Key {
            nbf: Some(NOON - HOUR),
            exp: Some(NOON + HOUR),
            ..key("now", State::Seals)
        };
        let next = |key: &Key, others: &[&Key]| {
            let others = others.iter().copied();
            let keys = [key, &sealing].into_iter().chain(others).cloned().collect();
            let advice = advice(key, &report(keys));
            (advice.may_go, advice.next)
        };
        let seals_again = "keep it: it seals again in 1 hour, when another key ends";
        assert_eq!(next(&unused, &[]), (false, seals_again.to_owned()));
        let new = Key {
            nbf: Some(NOON + HOUR),
            ..key("new", State::Begins)
        };
        assert!(next(&unused, &[&new]).0);
        let late = Key {
            nbf: Some(NOON + HOUR + 1),
            ..new
        };
        assert!(!next(&unused, &[&late]).0);
        let short = Key {
            exp: Some(NOON + HOUR),
            ..unused.clone()
        };
        assert!(next(&short, &[]).0);
        let elsewhere = Key {
            place: "/etc/httpd/others.jwks".to_owned(),
            ..unused
        };
        assert!(next(&elsewhere, &[]).0);
    }

    #[test]
    fn a_passphrase_that_was_never_used_may_be_the_next_to_seal() {
        let unused = Key {
            kind: Kind::Passphrase,
            last_opened: None,
            last_sealed: None,
            since: NOON - 9 * HOUR,
            ..key("new", State::Opens)
        };
        let (_, next, may_go) = words(unused);
        assert_eq!(
            (next.as_str(), may_go),
            ("it can go, unless it is to seal next", true)
        );
    }

    #[test]
    fn only_keys_that_open_or_have_ended_may_go() {
        for (state, may_go) in [
            (State::Seals, false),
            (State::Opens, true),
            (State::Begins, false),
            (State::Ended, true),
            (State::Gone, false),
            (State::Several, false),
        ] {
            let unused = Key {
                last_opened: None,
                last_sealed: None,
                ..key("key", state)
            };
            assert_eq!(of(unused).may_go, may_go, "{state:?}");
        }
    }

    #[test]
    fn the_last_key_of_a_file_does_not_go() {
        let ended = key("old", State::Ended);
        let elsewhere = Key {
            place: "/etc/httpd/others.jwks".to_owned(),
            ..key("now", State::Seals)
        };
        let advice = advice(&ended, &report(vec![ended.clone(), elsewhere]));
        assert!(!advice.may_go);
        assert!(advice.next.starts_with("add a key with htsession rotate"));
    }

    #[test]
    fn each_state_has_its_words() {
        let begins = Key {
            nbf: Some(NOON + 2 * HOUR),
            ..key("new", State::Begins)
        };
        assert_eq!(of(begins).state, "begins to seal in 2 hours");
        let ended = Key {
            exp: Some(NOON - 3 * HOUR),
            ..key("old", State::Ended)
        };
        assert_eq!(of(ended).state, "ended 3 hours ago, and opens nothing");
        let gone = of(key("gone", State::Gone));
        assert_eq!(gone.state, "not configured any more; last used 5 hours ago");
        assert!(gone.next.starts_with("put it back if"));
        let long_gone = Key {
            last_opened: None,
            ..key("gone", State::Gone)
        };
        assert_eq!(of(long_gone).next, "nothing to do");
        let htaccess = Key {
            kind: Kind::Htaccess,
            ..key("", State::Several)
        };
        assert_eq!(of(htaccess).state, "several, counted together");
    }

    #[test]
    fn a_key_that_ends_needs_another_one_that_follows() {
        let seals = Key {
            exp: Some(NOON + HOUR),
            ..key("now", State::Seals)
        };
        let next = |other: Option<&Key>| {
            let keys = [&seals].into_iter().chain(other).cloned();
            advice(&seals, &report(keys.collect())).next
        };
        let follows = "nothing to do: it ends in 1 hour, and another key of its file follows";
        let none =
            "add a key with htsession rotate: it ends in 1 hour, and none of its file follows";
        assert_eq!(next(None), none);
        let new = Key {
            nbf: Some(NOON + HOUR),
            ..key("new", State::Begins)
        };
        assert_eq!(next(Some(&new)), follows);
        assert_eq!(next(Some(&key("old", State::Opens))), follows);
        let late = Key {
            nbf: Some(NOON + HOUR + 1),
            ..new.clone()
        };
        let short = Key {
            exp: Some(NOON + HOUR),
            ..new.clone()
        };
        let elsewhere = Key {
            place: "/etc/httpd/others.jwks".to_owned(),
            ..new.clone()
        };
        let gone = key("gone", State::Gone);
        for other in [late, short, elsewhere, gone] {
            assert_eq!(next(Some(&other)), none, "{other:?}");
        }
    }

    #[test]
    fn a_file_without_a_key_that_seals_is_found() {
        let other = Key {
            place: "/etc/httpd/others.jwks".to_owned(),
            ..key("b", State::Opens)
        };
        let gone = Key {
            place: "/etc/httpd/gone.jwks".to_owned(),
            ..key("c", State::Gone)
        };
        let sealing = Key {
            place: "/etc/httpd/sealing.jwks".to_owned(),
            ..key("d", State::Seals)
        };
        let report = report(vec![
            sealing,
            key("a", State::Ended),
            key("b", State::Begins),
            gone,
            other,
            key("a", State::Opens),
        ]);
        let found = without_sealing_key(&report);
        assert_eq!(found, ["/etc/httpd/keys.jwks", "/etc/httpd/others.jwks"]);
    }
}
