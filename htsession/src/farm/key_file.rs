//! A key file, as it should be on each server.

use session_crypto_core::KeySet;

/// The dates of the keys of a file, as they should be on each server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyFile {
    /// The path on this host; without a file, the path on a server.
    pub(super) name: String,
    /// The keys, in the order of the file.
    pub(super) keys: Vec<FileKey>,
    /// It is a file of this host, and not what the servers say of theirs.
    pub(super) is_here: bool,
}

/// A key of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileKey {
    pub(super) kid: String,
    pub(super) nbf: Option<u64>,
    pub(super) exp: Option<u64>,
}

impl KeyFile {
    /// The file of a path, which has a set.
    pub(crate) fn of(path: &str, set: &KeySet) -> Self {
        let keys = set.keys().map(|key| FileKey {
            kid: key.id().to_string(),
            nbf: key.dates().not_before,
            exp: key.dates().expires,
        });
        Self {
            name: path.to_owned(),
            keys: keys.collect(),
            is_here: true,
        }
    }

    pub(super) fn key(&self, kid: &str) -> Option<&FileKey> {
        self.keys.iter().find(|key| key.kid == kid)
    }

    /// The key that seals at a Unix time in seconds, by the rule of [`KeySet::sealing`].
    pub(super) fn sealing(&self, at: u64) -> Option<&FileKey> {
        let seals = |key: &&FileKey| key.nbf.is_none_or(|begin| begin <= at) && !key.has_ended(at);
        // Among equals, `max_by_key` finds the last.
        let sealing = self.keys.iter().filter(seals);
        sealing.max_by_key(|key| key.nbf.unwrap_or_default())
    }

    /// When a key that does not seal at a Unix time in seconds does so next.
    pub(super) fn seals_next(&self, kid: &str, now: u64) -> Option<u64> {
        let dates = self.keys.iter().flat_map(|key| [key.nbf, key.exp]);
        let changes = dates.flatten().filter(|change| *change > now);
        let is_sealing = |at: &u64| self.sealing(*at).is_some_and(|key| key.kid == kid);
        changes.filter(is_sealing).min()
    }
}

impl FileKey {
    pub(super) fn has_ended(&self, at: u64) -> bool {
        self.exp.is_some_and(|end| end <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;

    fn file(keys: &[(&str, Option<u64>, Option<u64>)]) -> (KeyFile, KeySet) {
        let date = |name, date: Option<u64>| {
            date.map_or_else(String::new, |date| format!(r#","{name}":{date}"#))
        };
        let keys = keys.iter().map(|(kid, nbf, exp)| {
            let dates = [date("nbf", *nbf), date("exp", *exp)].concat();
            format!(r#"{{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","kid":"{kid}"{dates}}}"#)
        });
        let keys: Vec<_> = keys.collect();
        let text = format!(r#"{{"keys":[{}]}}"#, keys.join(","));
        let set = KeySet::parse(text.as_bytes()).unwrap();
        (KeyFile::of("keys", &set), set)
    }

    #[test]
    fn the_key_that_seals_is_that_of_the_set() {
        let dates = [None, Some(NOON), Some(NOON + 1), Some(NOON + 2)];
        for first in dates {
            for second in dates {
                let has_span = |end: &Option<u64>| end.is_none() || *end > second;
                for end in dates.into_iter().filter(has_span) {
                    let keys = [("a", first, None), ("b", second, end), ("c", None, None)];
                    let (file, set) = file(&keys);
                    for at in NOON - 1..NOON + 4 {
                        let sealing = file.sealing(at).map(|key| key.kid.as_str());
                        let expected = set.sealing(at).map(|key| key.id().as_str());
                        assert_eq!(sealing, expected, "{keys:?} at {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_key_may_seal_again_when_a_newer_one_ends() {
        let (file, _) = file(&[
            ("old", None, None),
            ("new", Some(NOON), Some(NOON + 9)),
            ("next", Some(NOON + 20), None),
        ]);
        assert_eq!(file.seals_next("old", NOON), Some(NOON + 9));
        assert_eq!(file.seals_next("next", NOON), Some(NOON + 20));
        assert_eq!(file.seals_next("old", NOON + 20), None);
    }
}
