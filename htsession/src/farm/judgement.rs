//! Whether each key may go, and if not, why.

use session_crypto_status::{Kind, State};

use crate::farm::behind::{self, Behind};
use crate::farm::joined::{self, Joined};
use crate::farm::key_file::KeyFile;
use crate::farm::servers::{Server, Servers};

/// The judgement of a farm.
pub(crate) struct Judgement<'f> {
    pub(super) servers: &'f Servers,
    /// The files of this host, and then those that only servers have.
    pub(super) files: Vec<KeyFile>,
    pub(super) keys: Vec<Judged>,
    /// The servers whose keys are not those of the others.
    pub(super) behind: Vec<Behind>,
    /// The longest that a session of any server may live, in seconds.
    pub(super) lifetime: u64,
    /// The time, in Unix seconds.
    pub(super) now: u64,
}

/// A key, and whether it may go.
pub(super) struct Judged {
    pub(super) key: Joined,
    pub(super) verdict: Verdict,
    /// Servers that must be seen to first, because they are silent or behind.
    pub(super) is_held: bool,
}

/// Whether a key is in use, as far as the servers that have answered tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It has ended everywhere.
    Ended,
    /// It only opens, and was not used for longer than sessions live.
    Unused,
    /// Sessions under it may live for so many seconds.
    InUse(u64),
    /// It seals on a server, or should.
    Seals,
    /// It seals from a Unix time in seconds on, if that is known.
    WillSeal(Option<u64>),
    /// A server cannot tell, because it does not count it by itself, or does not know its id, or
    /// none has answered.
    Unknown,
}

impl Judged {
    /// The key can go, and no session is lost.
    pub(super) fn may_go(&self) -> bool {
        !self.is_held && matches!(self.verdict, Verdict::Ended | Verdict::Unused)
    }
}

impl<'f> Judgement<'f> {
    /// Judges the keys of a farm at a Unix time in seconds. The files are those of this
    /// host.
    pub(crate) fn of(files: Vec<KeyFile>, servers: &'f Servers, now: u64) -> Self {
        let answered = servers.answered.as_slice();
        let mut files = files;
        let others = joined::other_files(&files, answered);
        files.extend(others);
        let keys = joined::keys(&files, answered);
        let behind = behind::servers(&files, answered);
        let lifetime = servers.longest_lifetime();
        let keys = keys.into_iter().map(|key| {
            let file = key.file.and_then(|file| files.get(file));
            let verdict = verdict(&key, file, answered, lifetime, now);
            let is_beside = key.kind == Kind::Set && key.file.is_none();
            let concerns =
                |behind: &Behind| is_beside || behind.file.is_none() || behind.file == key.file;
            Judged {
                is_held: !servers.silent.is_empty() || behind.iter().any(concerns),
                verdict,
                key,
            }
        });
        Self {
            keys: keys.collect(),
            servers,
            files,
            behind,
            lifetime,
            now,
        }
    }

    /// The name of a server by its position.
    pub(super) fn name(&self, server: usize) -> &str {
        let server = self.servers.answered.get(server);
        server.map_or("", |server| server.name.as_str())
    }
}

fn verdict(
    key: &Joined,
    file: Option<&KeyFile>,
    servers: &[Server],
    lifetime: u64,
    now: u64,
) -> Verdict {
    if servers.is_empty() {
        return Verdict::Unknown;
    }
    let some = |state| key.on.iter().any(|on| on.state == Some(state));
    let none_opens = key
        .on
        .iter()
        .all(|on| matches!(on.state, None | Some(State::Ended | State::Gone)));
    let kid = key.kid.as_deref().unwrap_or_default();
    let in_file = file.and_then(|file| Some((file, file.key(kid)?)));
    let should_seal = file
        .and_then(|file| file.sealing(now))
        .is_some_and(|key| key.kid == kid);
    if some(State::Seals) || should_seal {
        return Verdict::Seals;
    }
    let has_ended = match in_file {
        Some((_, dates)) => dates.has_ended(now),
        None => some(State::Ended),
    };
    if has_ended && none_opens {
        return Verdict::Ended;
    }
    if let Some(at) = in_file.and_then(|(file, _)| file.seals_next(kid, now)) {
        return Verdict::WillSeal(Some(at));
    }
    if some(State::Begins) {
        return Verdict::WillSeal(None);
    }
    if some(State::Several) || servers.iter().any(|server| server.report.began == 0) {
        return Verdict::Unknown;
    }
    let idle = key.on.iter().map(|on| on.idle).min().unwrap_or_default();
    match lifetime.saturating_add(1).saturating_sub(idle) {
        0 => Verdict::Unused,
        wait => Verdict::InUse(wait),
    }
}

#[cfg(test)]
mod tests {
    use session_crypto_status::Key;

    use super::*;
    use crate::farm::sample::{LIFETIME, NOON, dated, farm, file, key, opened, server, silent};

    const OLD_AND_NEW: [(&str, Option<u64>, Option<u64>); 2] =
        [("old", None, None), ("new", None, None)];

    /// The verdict about a key of a file, and whether the key may go.
    fn judge_in(files: Vec<KeyFile>, servers: &Servers, kid: &str) -> (Verdict, bool) {
        let judgement = Judgement::of(files, servers, NOON);
        let mut keys = judgement.keys.iter();
        let judged = keys.find(|key| key.key.name() == kid).unwrap();
        (judged.verdict, judged.may_go())
    }

    /// The same about the old key of a file with a new one that seals on all servers, with
    /// these rows of the old one on each server.
    fn judge(old: Vec<Key>) -> (Verdict, bool) {
        let servers = old.into_iter().enumerate().map(|(number, old)| {
            server(&format!("www{number}"), vec![old, key("new", State::Seals)])
        });
        let servers = farm(servers.collect());
        let with_file = judge_in(vec![file(&OLD_AND_NEW)], &servers, "old");
        let without = judge_in(Vec::new(), &servers, "old");
        assert_eq!(with_file, without, "a farm needs no file");
        with_file
    }

    #[test]
    fn a_key_may_go_once_no_server_has_used_it_for_longer_than_sessions_live() {
        let in_use = |wait| (Verdict::InUse(wait), false);
        let unused = (Verdict::Unused, true);
        let unused_key = || key("old", State::Opens);
        let sealed = |ago| Key {
            last_sealed: Some(NOON - ago),
            ..key("old", State::Opens)
        };
        for (old, expected) in [
            (vec![opened("old", LIFETIME + 1)], unused),
            (vec![opened("old", LIFETIME)], in_use(1)),
            (vec![opened("old", 0)], in_use(LIFETIME + 1)),
            (vec![sealed(LIFETIME + 1)], unused),
            (vec![sealed(60)], in_use(LIFETIME - 59)),
            (vec![unused_key(), opened("old", 60)], in_use(LIFETIME - 59)),
            (
                vec![opened("old", 90), opened("old", 60)],
                in_use(LIFETIME - 59),
            ),
            (vec![unused_key(), opened("old", LIFETIME + 1)], unused),
            (vec![unused_key(), unused_key()], unused),
        ] {
            assert_eq!(judge(old.clone()), expected, "{old:?}");
        }
    }

    #[test]
    fn the_time_before_a_key_was_counted_is_no_time_without_use() {
        let since = |ago| Key {
            since: NOON - ago,
            ..key("old", State::Opens)
        };
        assert_eq!(judge(vec![since(LIFETIME)]), (Verdict::InUse(1), false));
        assert_eq!(judge(vec![since(LIFETIME + 1)]), (Verdict::Unused, true));
        // A server that has not got the key may have had it before it was started.
        let mut started = server("www2", vec![]);
        started.report.began = NOON - 60;
        let old = |kid| Key {
            kind: Kind::Certificate,
            ..key(kid, State::Opens)
        };
        let servers = farm(vec![server("www1", vec![old("old")]), started]);
        let expected = (Verdict::InUse(LIFETIME - 59), false);
        assert_eq!(judge_in(Vec::new(), &servers, "old"), expected);
    }

    #[test]
    fn the_longest_lifetime_of_any_server_counts() {
        let mut servers = ["www1", "www2"].map(|name| {
            let old = opened("old", LIFETIME + 1);
            server(name, vec![old, key("new", State::Seals)])
        });
        servers[1].report.longest_lifetime = 2 * LIFETIME;
        let servers = farm(servers.into());
        let expected = (Verdict::InUse(LIFETIME), false);
        assert_eq!(
            judge_in(vec![file(&OLD_AND_NEW)], &servers, "old"),
            expected
        );
    }

    #[test]
    fn a_key_that_seals_or_will_seal_stays() {
        let seals = (Verdict::Seals, false);
        let old = key("old", State::Opens);
        assert_eq!(judge(vec![old.clone(), key("old", State::Seals)]), seals);
        let servers = farm(vec![server("www1", vec![old, key("new", State::Seals)])]);
        let files = || vec![file(&OLD_AND_NEW)];
        assert_eq!(judge_in(files(), &servers, "new"), seals);
        // The new one ends, and the old one seals again.
        let dates = [("old", None, None), ("new", None, Some(NOON + 9))];
        let mut later = servers.answered.clone();
        later[0].report.keys[1].exp = Some(NOON + 9);
        let again = (Verdict::WillSeal(Some(NOON + 9)), false);
        assert_eq!(judge_in(vec![file(&dates)], &farm(later), "old"), again);
        let begins = dated(key("next", State::Begins), Some(NOON + 5), None);
        let mut keys = vec![begins, key("new", State::Seals)];
        keys.push(key("old", State::Opens));
        let servers = farm(vec![server("www1", keys)]);
        let expected = (Verdict::WillSeal(Some(NOON + 5)), false);
        assert_eq!(judge_in(Vec::new(), &servers, "next"), expected);
    }

    #[test]
    fn a_key_that_has_ended_on_all_servers_may_go() {
        let dates = [("old", None, Some(NOON - 9)), ("new", None, None)];
        let old = |state| dated(key("old", state), None, Some(NOON - 9));
        for (state, expected) in [
            (State::Ended, (Verdict::Ended, true)),
            (State::Gone, (Verdict::Ended, true)),
            (State::Opens, (Verdict::InUse(LIFETIME - 59), false)),
        ] {
            let used = Key {
                last_opened: Some(NOON - 60),
                ..old(state)
            };
            let www1 = server("www1", vec![old(State::Ended), key("new", State::Seals)]);
            let www2 = server("www2", vec![used, key("new", State::Seals)]);
            let servers = farm(vec![www1, www2]);
            assert_eq!(
                judge_in(vec![file(&dates)], &servers, "old"),
                expected,
                "{state:?}"
            );
        }
    }

    #[test]
    fn a_key_that_has_ended_and_left_its_file_is_not_shown() {
        let keys = vec![key("ended", State::Ended), key("new", State::Seals)];
        let servers = farm(vec![server("www1", keys)]);
        let judgement = Judgement::of(vec![file(&[("new", None, None)])], &servers, NOON);
        let names: Vec<_> = judgement.keys.iter().map(|key| key.key.name()).collect();
        assert_eq!(names, ["new"]);
        assert_eq!(judgement.behind, []);
    }

    #[test]
    fn no_key_goes_while_a_server_is_silent_or_behind() {
        let good = |name| {
            server(
                name,
                vec![key("old", State::Opens), key("new", State::Seals)],
            )
        };
        let mut servers = farm(vec![good("www1"), good("www2")]);
        let files = || vec![file(&OLD_AND_NEW)];
        assert_eq!(judge_in(files(), &servers, "old"), (Verdict::Unused, true));
        servers.silent.push(silent("www3"));
        assert_eq!(judge_in(files(), &servers, "old"), (Verdict::Unused, false));
        servers.silent.clear();
        // It still opens with the old key, which is all that it has.
        let stale = server("www3", vec![key("old", State::Opens)]);
        servers.answered.push(stale);
        assert_eq!(judge_in(files(), &servers, "old"), (Verdict::Unused, false));
        assert_eq!(
            judge_in(Vec::new(), &servers, "old"),
            (Verdict::Unused, false)
        );
    }

    #[test]
    fn nothing_is_known_of_a_key_if_no_server_answers() {
        let mut servers = farm(Vec::new());
        servers.silent.push(silent("www1"));
        let ended = file(&[("old", None, Some(NOON)), ("new", None, None)]);
        for kid in ["old", "new"] {
            let judged = judge_in(vec![ended.clone()], &servers, kid);
            assert_eq!(judged, (Verdict::Unknown, false), "{kid}");
        }
    }

    #[test]
    fn a_server_that_is_behind_with_one_file_holds_no_key_of_another() {
        let other = |kid, state| Key {
            place: "/etc/httpd/others".to_owned(),
            ..key(kid, state)
        };
        let www = |name, more: Vec<Key>| {
            let keys = vec![key("old", State::Opens), key("new", State::Seals)];
            server(name, [keys, more].concat())
        };
        let servers = farm(vec![
            www(
                "www1",
                vec![other("a", State::Opens), other("b", State::Seals)],
            ),
            www("www2", vec![other("a", State::Seals)]),
        ]);
        assert_eq!(
            judge_in(Vec::new(), &servers, "old"),
            (Verdict::Unused, true)
        );
        assert_eq!(judge_in(Vec::new(), &servers, "b").0, Verdict::Seals);
        let judgement = Judgement::of(Vec::new(), &servers, NOON);
        let held = judgement.keys.iter().filter(|key| key.is_held);
        let held: Vec<_> = held.map(|key| key.key.name()).collect();
        assert_eq!(held, ["a", "b"]);
    }

    #[test]
    fn a_key_without_a_counter_of_its_own_stays() {
        let other = Key {
            kind: Kind::Other,
            kid: None,
            place: String::new(),
            ..key("", State::Several)
        };
        let www1 = server(
            "www1",
            vec![key("old", State::Opens), key("new", State::Seals)],
        );
        let www2 = server("www2", vec![key("new", State::Seals), other]);
        let servers = farm(vec![www1, www2]);
        let files = vec![file(&OLD_AND_NEW)];
        assert_eq!(judge_in(files, &servers, "old"), (Verdict::Unknown, false));
        let mut counts_nothing = servers.answered[0].clone();
        counts_nothing.report.began = 0;
        let servers = farm(vec![counts_nothing]);
        let files = vec![file(&OLD_AND_NEW)];
        assert_eq!(judge_in(files, &servers, "old"), (Verdict::Unknown, false));
    }

    #[test]
    fn passphrases_are_known_by_their_id_or_their_place() {
        let passphrase = |kid: Option<&str>, line, state, ago| Key {
            kind: Kind::Passphrase,
            kid: kid.map(str::to_owned),
            place: format!("/etc/words line {line}"),
            last_opened: Some(NOON - ago),
            ..key("", state)
        };
        let new = || passphrase(Some("new"), 1, State::Seals, 0);
        let in_use = Verdict::InUse(LIFETIME - 59);
        for (other, expected) in [
            // Another line, and another server that knows the id too.
            (passphrase(Some("old"), 3, State::Opens, 60), in_use),
            // A server that does not know the id.
            (passphrase(None, 2, State::Opens, 60), in_use),
            // It may be the same one, before another was written above it.
            (passphrase(None, 3, State::Opens, 60), Verdict::Unknown),
            (
                passphrase(Some("other"), 3, State::Opens, 60),
                Verdict::Unused,
            ),
        ] {
            let www1 = server(
                "www1",
                vec![
                    new(),
                    passphrase(Some("old"), 2, State::Opens, LIFETIME + 1),
                ],
            );
            let www2 = server("www2", vec![new(), other.clone()]);
            let expected = (expected, expected == Verdict::Unused);
            let servers = farm(vec![www1, www2]);
            assert_eq!(judge_in(Vec::new(), &servers, "old"), expected, "{other:?}");
        }
    }
}
