//! A JWK Set of symmetric keys with dates.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::jwe::key_id::KeyId;
use crate::key_set::error::KeySetError;
use crate::key_set::parse;
use crate::key_set::set_key::SetKey;
use crate::limits::MAX_KEY_SET;

/// A JWK Set of symmetric keys with dates (RFC 7517). New sessions are sealed with one key
/// of it, and existing ones open with every key that has not ended.
///
/// The keys are wiped when it is dropped, and each key once it has ended.
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<SetKey>,
    /// When the next key ends, in Unix seconds.
    next_end: AtomicU64,
    /// The latest Unix time in seconds for which ended keys were wiped. They stay ended if
    /// the clock goes back.
    wiped_at: AtomicU64,
}

impl KeySet {
    /// Bytes of the longest text.
    pub const MAX_TEXT: usize = MAX_KEY_SET;

    /// Reads a JWK Set of 1 to 64 keys, at most 64 KiB long. The
    /// table of members in `parse.rs` has the rules.
    ///
    /// # Errors
    ///
    /// The text is no JWK Set, or a key of it is wrong.
    pub fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        parse::keys(text).map(Self::new)
    }

    /// Reads a JWK Set, of which a key must seal at a Unix time in seconds.
    ///
    /// # Errors
    ///
    /// The text is no JWK Set, a key of it is wrong, or none seals.
    pub fn parse_at(text: &[u8], now: u64) -> Result<Self, KeySetError> {
        let keys = Self::parse(text)?;
        keys.check_at(now)?;
        Ok(keys)
    }

    /// A set without keys: nothing seals or opens with it. It stands for a set whose keys
    /// have all ended.
    pub fn without_keys() -> Self {
        Self::new(Vec::new())
    }

    /// Joins keys, of which no two have the same id.
    pub(super) fn new(keys: Vec<SetKey>) -> Self {
        let first_end = keys.iter().filter_map(|key| key.dates().expires).min();
        Self {
            keys,
            next_end: AtomicU64::new(first_end.unwrap_or(u64::MAX)),
            wiped_at: AtomicU64::new(0),
        }
    }

    pub(super) fn slice(&self) -> &[SetKey] {
        &self.keys
    }

    /// Checks that a key seals at a Unix time in seconds.
    ///
    /// # Errors
    ///
    /// No key does.
    pub fn check_at(&self, now: u64) -> Result<(), KeySetError> {
        self.sealing(now).map(|_| ()).ok_or(KeySetError::NoneSeals)
    }

    /// The keys, in the order of the text.
    pub fn keys(&self) -> impl Iterator<Item = &SetKey> {
        self.keys.iter()
    }

    /// The number of keys, at most 64.
    pub fn count(&self) -> usize {
        self.keys.len()
    }

    /// The key that seals at a Unix time in seconds: the newest by `nbf` that has begun
    /// and not ended. Among equals it is the last in the text.
    pub fn sealing(&self, now: u64) -> Option<&SetKey> {
        self.sealing_at(now).map(|(_, key)| key)
    }

    /// When the next key begins or ends, in Unix seconds.
    pub fn next_change(&self, now: u64) -> Option<u64> {
        let dates = self.keys.iter().map(SetKey::dates);
        let changes = dates.flat_map(|dates| [dates.not_before, dates.expires]);
        changes.flatten().filter(|change| *change > now).min()
    }

    /// The key with an id.
    pub fn by_id(&self, id: &KeyId) -> Option<&SetKey> {
        self.keys.iter().find(|key| key.id() == id)
    }

    /// The position of the key with a number.
    pub(crate) fn position(&self, number: u64) -> Option<usize> {
        self.keys.iter().position(|key| key.number() == number)
    }

    /// Whether the key at a position is older than the one that seals at a Unix time in
    /// seconds. If none seals, no key is.
    pub(crate) fn is_older_than_sealing(&self, position: usize, now: u64) -> bool {
        match (self.keys.get(position), self.sealing_at(now)) {
            (Some(key), Some((sealing, newest))) => age(position, key) < age(sealing, newest),
            _ => false,
        }
    }

    /// The key that seals, with its position.
    fn sealing_at(&self, now: u64) -> Option<(usize, &SetKey)> {
        let keys = self.keys.iter().enumerate();
        // No key that is wiped seals, also if the clock has gone back since.
        let latest = now.max(self.wiped_at.load(Ordering::Relaxed));
        let seals = |(_, key): &(usize, &SetKey)| {
            key.dates().has_begun(now) && !key.dates().has_ended(latest)
        };
        keys.filter(seals)
            .max_by_key(|(position, key)| age(*position, key))
    }

    /// Wipes the keys that have ended; returns whether there are new ones.
    ///
    /// If there are none, it costs one comparison.
    pub(crate) fn wipe_ended(&self, now: u64) -> bool {
        if now < self.next_end.load(Ordering::Relaxed) {
            return false;
        }
        self.wiped_at.fetch_max(now, Ordering::Relaxed);
        let ended = self.keys.iter().filter(|key| key.dates().has_ended(now));
        ended.for_each(SetKey::wipe);
        let ends = self.keys.iter().filter_map(|key| key.dates().expires);
        let next = ends.filter(|end| *end > now).min();
        self.next_end
            .store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
        true
    }
}

/// The rank of a key among those that seal, where the newest has the highest.
fn age(position: usize, key: &SetKey) -> (u64, usize) {
    (key.dates().not_before.unwrap_or_default(), position)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A set of keys with these ids and dates: `nbf` and `exp`.
    fn set(keys: &[(&str, Option<u64>, Option<u64>)]) -> KeySet {
        let member = |name, date: Option<u64>| {
            date.map_or_else(String::new, |date| format!(r#","{name}":{date}"#))
        };
        let key = |(id, begins, ends): &(&str, Option<u64>, Option<u64>)| {
            let dates = [member("nbf", *begins), member("exp", *ends)].concat();
            format!(r#"{{"kty":"oct","k":"GawgguFyGrWKav7AX4VKUg","kid":"{id}"{dates}}}"#)
        };
        let keys: Vec<_> = keys.iter().map(key).collect();
        KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
    }

    fn sealing(set: &KeySet, now: u64) -> Option<&str> {
        set.sealing(now).map(|key| key.id().as_str())
    }

    #[test]
    fn the_newest_key_that_has_begun_and_not_ended_seals() {
        let set = set(&[
            ("third", Some(300), None),
            ("first", Some(100), Some(250)),
            ("second", Some(200), Some(400)),
        ]);
        for (now, id) in [
            (0, None),
            (99, None),
            (100, Some("first")),
            (199, Some("first")),
            (200, Some("second")),
            (299, Some("second")),
            (300, Some("third")),
            (u64::MAX, Some("third")),
        ] {
            assert_eq!(sealing(&set, now), id, "{now}");
            assert_eq!(set.check_at(now).is_ok(), id.is_some(), "{now}");
        }
    }

    #[test]
    fn an_older_key_seals_again_when_the_newest_has_ended() {
        let set = set(&[("old", Some(100), None), ("new", Some(200), Some(300))]);
        assert_eq!(sealing(&set, 299), Some("new"));
        assert_eq!(sealing(&set, 300), Some("old"));
    }

    #[test]
    fn a_key_that_is_wiped_does_not_seal_when_the_clock_goes_back() {
        let set = set(&[("old", Some(100), None), ("new", Some(200), Some(300))]);
        assert!(set.wipe_ended(300));
        assert_eq!(sealing(&set, 299), Some("old"));
        assert!(!set.is_older_than_sealing(0, 299));
    }

    #[test]
    fn a_key_that_ended_in_1970_is_wiped() {
        let set = set(&[("lasting", None, None), ("over", None, Some(0))]);
        assert!(set.wipe_ended(0));
        let wiped: Vec<_> = set.keys().map(SetKey::is_wiped).collect();
        assert_eq!(wiped, [false, true]);
    }

    #[test]
    fn among_equals_the_last_seals() {
        assert_eq!(
            sealing(&set(&[("a", None, None), ("b", None, None)]), 1),
            Some("b")
        );
        let equal = set(&[
            ("b", Some(5), None),
            ("a", Some(5), None),
            ("c", None, None),
        ]);
        assert_eq!(sealing(&equal, 4), Some("c"));
        assert_eq!(sealing(&equal, 5), Some("a"));
        // Without a date, a key has begun before all others.
        assert_eq!(
            sealing(&set(&[("a", Some(1), None), ("b", None, None)]), 1),
            Some("a")
        );
    }

    #[test]
    fn only_older_keys_are_stale() {
        let set = set(&[
            ("new", Some(300), None),
            ("old", Some(100), Some(350)),
            ("now", Some(200), Some(350)),
            ("twin", Some(200), Some(350)),
        ]);
        let stale = |now| -> Vec<bool> {
            (0..5)
                .map(|position| set.is_older_than_sealing(position, now))
                .collect()
        };
        assert_eq!(stale(250), [false, true, true, false, false]);
        assert_eq!(stale(300), [false, true, true, true, false]);
        // No key seals, so none would replace an older one.
        assert_eq!(stale(50), [false; 5]);
    }

    #[test]
    fn tells_when_a_key_begins_or_ends_next() {
        let set = set(&[
            ("a", Some(100), Some(250)),
            ("b", None, Some(200)),
            ("c", None, None),
        ]);
        for (now, next) in [
            (0, Some(100)),
            (99, Some(100)),
            (100, Some(200)),
            (200, Some(250)),
            (250, None),
        ] {
            assert_eq!(set.next_change(now), next, "{now}");
        }
    }

    #[test]
    fn wipes_a_key_once_it_has_ended() {
        let set = set(&[
            ("a", Some(100), Some(250)),
            ("b", None, Some(200)),
            ("c", None, None),
        ]);
        let left = || -> Vec<&str> {
            let keys = set.keys().filter(|key| key.with_key(|_| ()).is_some());
            keys.map(|key| key.id().as_str()).collect()
        };
        assert!(!set.wipe_ended(199));
        assert_eq!(left(), ["a", "b", "c"]);
        assert!(set.wipe_ended(200));
        assert!(!set.wipe_ended(200));
        assert_eq!(left(), ["a", "c"]);
        assert!(set.wipe_ended(1000));
        assert!(!set.wipe_ended(2000));
        assert_eq!(left(), ["c"]);
        // The clock goes back, and the ids are still known.
        assert!(set.by_id(&KeyId::new("a").unwrap()).is_some());
        assert_eq!(sealing(&set, 150), Some("c"));
    }

    #[test]
    fn only_ids_are_printed() {
        let set = set(&[("first", None, None)]);
        let printed = format!("{set:?}");
        assert!(
            printed.contains("SetKey(first)") && !printed.contains("Gawgg"),
            "{printed}"
        );
    }
}
