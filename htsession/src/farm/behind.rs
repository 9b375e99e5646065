//! The servers whose keys are not those of the others.

use session_crypto_status::{Key, Kind, State};

use crate::farm::joined::{kid, places};
use crate::farm::key_file::{FileKey, KeyFile};
use crate::farm::servers::Server;

/// A server whose keys are not those of the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Behind {
    /// The position of the server.
    pub(super) server: usize,
    /// The position of the file in question; `None` if it is about all keys.
    pub(super) file: Option<usize>,
    pub(super) how: How,
}

/// How a server's keys differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum How {
    /// Its clock differs from that of this host by so many seconds, forward or back.
    Clock { ahead: bool, seconds: u64 },
    /// It is a server that has answered at another address, by its position.
    SameAs(usize),
    /// It counts nothing, for want of shared memory.
    CountsNothing,
    /// It has no key of the file.
    HasNone,
    /// It seals, or will, with keys that the file of this host lacks.
    HasNewer(Vec<String>),
    /// It lacks keys.
    Lacks(Vec<String>),
    /// It still opens with keys that the file no longer has.
    HasOlder(Vec<String>),
    /// It has keys with other dates.
    OtherDates(Vec<String>),
    /// It seals with the first key, or with none, in place of the second.
    SealsWith(Option<String>, String),
}

/// The longest difference of two clocks that does not matter, in seconds: an answer may take
/// ten, and a lead has to be longer.
const CLOCKS: u64 = 60;

/// The servers that are behind.
pub(super) fn servers(files: &[KeyFile], servers: &[Server]) -> Vec<Behind> {
    let mut all = Vec::new();
    for (position, server) in servers.iter().enumerate() {
        let mut add = |file, how| {
            all.push(Behind {
                server: position,
                file,
                how,
            });
        };
        if let Some(how) = of_server(server) {
            add(None, how);
        }
        let id = &server.report.id;
        let mut before = servers.iter().take(position);
        if let Some(other) = before.position(|other| !id.is_empty() && other.report.id == *id) {
            add(None, How::SameAs(other));
        }
        for (number, file) in files.iter().enumerate() {
            if let Some(how) = of_file(file, server) {
                add(Some(number), how);
            }
        }
    }
    all
}

fn of_server(server: &Server) -> Option<How> {
    let (now, here) = (server.report.now, server.received);
    let seconds = now.abs_diff(here);
    if seconds > CLOCKS {
        let ahead = now > here;
        return Some(How::Clock { ahead, seconds });
    }
    (server.report.began == 0).then_some(How::CountsNothing)
}

/// How the keys of a server differ from those of a file, at each place where it has some.
fn of_file(file: &KeyFile, server: &Server) -> Option<How> {
    let mut places = places(server);
    places.retain(|(_, keys)| keys.iter().any(|key| file.key(kid(key)).is_some()));
    // Keys without a counter of their own cannot be seen.
    let mut all = server.report.keys.iter();
    if all.any(|key| key.kind == Kind::Other) {
        return None;
    }
    if places.is_empty() {
        return file.is_here.then_some(How::HasNone);
    }
    places
        .iter()
        .find_map(|(_, keys)| of_place(file, keys, server))
}

fn of_place(file: &KeyFile, keys: &[&Key], server: &Server) -> Option<How> {
    let now = server.report.now.max(server.received);
    let ids = |is_meant: &dyn Fn(&Key) -> bool| -> Option<Vec<String>> {
        let meant = keys.iter().filter(|key| is_meant(key));
        let ids: Vec<_> = meant.map(|key| kid(key).to_owned()).collect();
        (!ids.is_empty()).then_some(ids)
    };
    let is_extra = |key: &Key| file.key(kid(key)).is_none();
    let seals = |key: &Key| matches!(key.state, State::Seals | State::Begins);
    if let Some(ids) = ids(&|key| is_extra(key) && seals(key)) {
        return Some(How::HasNewer(ids));
    }
    let is_missing =
        |key: &&FileKey| !key.has_ended(now) && !keys.iter().any(|other| kid(other) == key.kid);
    let missing: Vec<_> = file.keys.iter().filter(is_missing).collect();
    if !missing.is_empty() {
        let ids = missing.iter().map(|key| key.kid.clone());
        return Some(How::Lacks(ids.collect()));
    }
    if let Some(ids) = ids(&|key| is_extra(key) && key.state == State::Opens) {
        return Some(How::HasOlder(ids));
    }
    let differs = |key: &Key| {
        let own = file.key(kid(key));
        own.is_some_and(|own| (own.nbf, own.exp) != (key.nbf, key.exp))
    };
    if let Some(ids) = ids(&differs) {
        return Some(How::OtherDates(ids));
    }
    let expected = file.sealing(server.report.now)?;
    let sealing = keys.iter().find(|key| key.state == State::Seals);
    let sealing = sealing.map(|key| kid(key).to_owned());
    (sealing.as_ref() != Some(&expected.kid)).then(|| How::SealsWith(sealing, expected.kid.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::farm::joined::other_files;
    use crate::farm::sample::{NOON, dated, file, key, server};

    const FILE: [(&str, Option<u64>, Option<u64>); 3] = [
        ("old", None, Some(NOON + 9)),
        ("now", None, None),
        ("next", Some(NOON + 5), None),
    ];

    fn keys() -> Vec<Key> {
        vec![
            dated(key("old", State::Opens), None, Some(NOON + 9)),
            key("now", State::Seals),
            dated(key("next", State::Begins), Some(NOON + 5), None),
        ]
    }

    fn of(server: &Server) -> Vec<How> {
        let files = [file(&FILE)];
        let all = servers(&files, std::slice::from_ref(server));
        all.into_iter().map(|behind| behind.how).collect()
    }

    #[test]
    fn a_server_with_the_keys_of_the_file_is_not_behind() {
        assert_eq!(of(&server("www1", keys())), []);
        let mut more = keys();
        more.push(Key {
            place: "/etc/httpd/others".to_owned(),
            ..key("other", State::Seals)
        });
        more.push(key("gone", State::Gone));
        more.push(key("ended", State::Ended));
        assert_eq!(of(&server("www1", more)), [], "other files do not count");
    }

    #[test]
    fn each_difference_is_found() {
        let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect();
        let extra = |state| [keys(), vec![key("extra", state)]].concat();
        let with = |change: &dyn Fn(&mut Vec<Key>)| {
            let mut keys = keys();
            change(&mut keys);
            keys
        };
        let without = |number: usize| {
            with(&|keys| {
                keys.remove(number);
            })
        };
        for (keys, how) in [
            (Vec::new(), How::HasNone),
            (vec![key("elsewhere", State::Seals)], How::HasNone),
            (without(2), How::Lacks(ids(&["next"]))),
            (without(1), How::Lacks(ids(&["now"]))),
            (
                with(&|keys| keys.truncate(1)),
                How::Lacks(ids(&["now", "next"])),
            ),
            (
                with(&|keys| keys[2].state = State::Gone),
                How::Lacks(ids(&["next"])),
            ),
            (
                with(&|keys| keys[2].place = "/etc/httpd/copy".to_owned()),
                How::Lacks(ids(&["next"])),
            ),
            (extra(State::Seals), How::HasNewer(ids(&["extra"]))),
            (extra(State::Begins), How::HasNewer(ids(&["extra"]))),
            (extra(State::Opens), How::HasOlder(ids(&["extra"]))),
            (
                with(&|keys| keys[0].exp = None),
                How::OtherDates(ids(&["old"])),
            ),
            (
                with(&|keys| keys[2].nbf = Some(NOON + 6)),
                How::OtherDates(ids(&["next"])),
            ),
            (
                with(&|keys| keys[1].state = State::Opens),
                How::SealsWith(None, "now".to_owned()),
            ),
            (
                with(&|keys| {
                    keys[0].state = State::Seals;
                    keys[1].state = State::Opens;
                }),
                How::SealsWith(Some("old".to_owned()), "now".to_owned()),
            ),
        ] {
            assert_eq!(of(&server("www1", keys.clone())), [how], "{keys:?}");
        }
    }

    #[test]
    fn a_key_that_has_ended_need_not_be_there() {
        let files = [file(&[("old", None, Some(NOON)), ("now", None, None)])];
        let www1 = server("www1", vec![key("now", State::Seals)]);
        assert_eq!(servers(&files, &[www1]), []);
    }

    #[test]
    fn a_clock_that_differs_is_found() {
        for (clock, how) in [
            (NOON + 60, None),
            (NOON - 60, None),
            (NOON + 61, Some((true, 61))),
            (NOON - 61, Some((false, 61))),
        ] {
            let mut www1 = server("www1", vec![key("now", State::Seals)]);
            www1.report.now = clock;
            let files = [file(&[("now", None, None)])];
            let found = servers(&files, &[www1]);
            let found: Vec<_> = found.into_iter().map(|behind| behind.how).collect();
            let how = how.map(|(ahead, seconds)| How::Clock { ahead, seconds });
            assert_eq!(found, Vec::from_iter(how));
        }
    }

    #[test]
    fn a_server_with_two_addresses_is_found() {
        let www = |name: &str, id: &str| {
            let mut server = server(name, vec![key("now", State::Seals)]);
            server.report.id = id.to_owned();
            server
        };
        let all = ["1", "2", "", "", "2"].map(|id| www("www", id));
        let found = servers(&[file(&[("now", None, None)])], &all);
        let found: Vec<_> = found
            .into_iter()
            .map(|behind| (behind.server, behind.file, behind.how))
            .collect();
        assert_eq!(found, [(4, None, How::SameAs(1))]);
    }

    #[test]
    fn without_a_file_servers_are_compared_with_each_other() {
        let www1 = server("www1", keys());
        let mut stale = keys();
        stale.truncate(2);
        let www2 = server("www2", stale);
        let elsewhere = server("www3", vec![key("other", State::Seals)]);
        for all in [
            vec![www1.clone(), www2.clone(), elsewhere.clone()],
            vec![www2, elsewhere, www1],
        ] {
            let files = other_files(&[], &all);
            let found = servers(&files, &all);
            let found: Vec<_> = found
                .iter()
                .map(|behind| (&*all[behind.server].name, &behind.how))
                .collect();
            assert_eq!(found, [("www2", &How::Lacks(vec!["next".to_owned()]))]);
        }
    }
}
