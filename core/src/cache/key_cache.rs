//! Derived keys that are kept: as many as fit, and never more.
//!
//! Tokens of other servers come with salts of their own; a token of httpd's C
//! module with a new one each time. Only a token that is authentic gets as
//! far as a key, and its key is on trial until its session was seen: one that
//! says nothing about a user pushes no key out but others on trial.

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, OnceLock, PoisonError};

use siphasher::sip::SipHasher13;

use crate::cache::shared::Shared;

/// A set-associative cache: a name belongs to one set, where it takes the
/// slot that was used longest ago. An entry is wiped as it leaves.
///
/// Beside these each set has one slot for a key on trial, which the next such
/// key takes over.
///
/// Made when the first key comes, mostly in a child.
pub(crate) struct KeyCache<N, T> {
    sets: OnceLock<Sets<N, T>>,
}

type Sets<N, T> = Box<[Mutex<Set<N, T>>]>;

type Entry<N, T> = Option<(N, Shared<T>)>;

struct Set<N, T> {
    kept: [Entry<N, T>; WAYS],
    trial: Entry<N, T>,
}

/// The slot of a key.
pub(crate) struct Found<T> {
    pub(crate) key: Shared<T>,
    /// It is not kept yet.
    pub(crate) on_trial: bool,
}

/// Keys that a set keeps.
const WAYS: usize = 8;

/// Sets: with [`WAYS`], 4,096 keys, or about 650 KiB. A fleet of ten servers
/// whose sessions last two weeks has as many salts at once.
const SETS: usize = 512;
const SETS_U64: u64 = 512;

impl<N: Copy + Eq + Hash, T> KeyCache<N, T> {
    /// Returns the slot of this key, a new one if there is none.
    pub(crate) fn slot(&self, name: &N) -> Shared<T> {
        self.with_set(name, |set| {
            set.find(name).map(|found| found.key).unwrap_or_else(|| {
                let key = Shared::default();
                set.keep(*name, key.clone());
                key
            })
        })
    }

    /// Returns the slot of this key, if there is one, be it on trial.
    pub(crate) fn look_up(&self, name: &N) -> Option<Found<T>> {
        self.sets.get()?;
        self.with_set(name, |set| set.find(name))
    }

    /// Returns the slot of this key, if there is one.
    pub(crate) fn find(&self, name: &N) -> Option<Shared<T>> {
        self.look_up(name).map(|found| found.key)
    }

    /// Returns the slot of this key, a new one on trial if there is none.
    pub(crate) fn try_out(&self, name: &N) -> Found<T> {
        self.with_set(name, |set| {
            set.find(name).unwrap_or_else(|| {
                let key = Shared::default();
                set.trial = Some((*name, key.clone()));
                Found::on_trial(key)
            })
        })
    }

    /// Takes a key out, to be kept elsewhere.
    pub(crate) fn take(&self, name: &N) -> Option<Shared<T>> {
        self.sets.get()?;
        self.with_set(name, |set| {
            let found = set.find(name)?;
            if found.on_trial {
                set.trial = None;
            } else if let Some(first) = set.kept.first_mut() {
                *first = None;
            }
            Some(found.key)
        })
    }

    /// Keeps a key that was in use elsewhere, or on trial.
    pub(crate) fn keep(&self, name: N, key: Shared<T>) {
        self.with_set(&name, |set| set.keep(name, key));
    }

    #[cfg(test)]
    pub(crate) fn clear(&self) {
        for set in self.sets.get().into_iter().flatten() {
            *set.lock().unwrap() = Set::default();
        }
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let sets = self.sets.get().into_iter().flatten();
        sets.map(|set| {
            let set = set.lock().unwrap();
            set.kept.iter().chain([&set.trial]).flatten().count()
        })
        .sum()
    }

    fn with_set<R: Default>(&self, name: &N, with: impl FnOnce(&mut Set<N, T>) -> R) -> R {
        // Of the whole name: all passphrases of a server share an hour's salt.
        let mut hasher = SipHasher13::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % SETS_U64).unwrap_or_default();
        let sets = self
            .sets
            .get_or_init(|| (0..SETS).map(|_| Mutex::new(Set::default())).collect());
        let Some(set) = sets.get(index) else {
            return R::default();
        };
        with(&mut set.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<N, T> Default for KeyCache<N, T> {
    fn default() -> Self {
        Self {
            sets: OnceLock::new(),
        }
    }
}

impl<N: Eq, T> Set<N, T> {
    /// Finds a key that has not failed, and makes it the first of those that
    /// are kept, if it is one of them.
    fn find(&mut self, name: &N) -> Option<Found<T>> {
        let key_of = |entry: &Entry<N, T>| {
            let (held, key) = entry.as_ref()?;
            (held == name && !key.has_failed()).then(|| key.clone())
        };
        let kept = self.kept.iter().enumerate();
        let Some((index, key)) = kept.clone().find_map(|(i, e)| Some((i, key_of(e)?))) else {
            return key_of(&self.trial).map(Found::on_trial);
        };
        if let Some(newer) = self.kept.get_mut(..=index) {
            newer.rotate_right(1);
        }
        Some(Found {
            key,
            on_trial: false,
        })
    }

    /// Makes a key the first of those that are kept.
    fn keep(&mut self, name: N, key: Shared<T>) {
        let is_it = |entry: &Entry<N, T>| entry.as_ref().is_some_and(|(held, _)| *held == name);
        if is_it(&self.trial) {
            self.trial = None;
        }
        let last = self.kept.len().saturating_sub(1);
        let index = self.kept.iter().position(is_it).unwrap_or(last);
        if let Some(newer) = self.kept.get_mut(..=index) {
            newer.rotate_right(1);
        }
        if let Some(first) = self.kept.first_mut() {
            *first = Some((name, key));
        }
    }
}

impl<N, T> Default for Set<N, T> {
    fn default() -> Self {
        Self {
            kept: [const { None }; WAYS],
            trial: None,
        }
    }
}

impl<T> Found<T> {
    fn on_trial(key: Shared<T>) -> Self {
        Self {
            key,
            on_trial: true,
        }
    }
}

impl<T> Default for Found<T> {
    fn default() -> Self {
        Self::on_trial(Shared::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::error::LibraryError;

    type Cache = KeyCache<Name, u8>;

    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    struct Name {
        passphrase: u64,
        salt: u64,
    }

    fn name(salt: u64) -> Name {
        Name {
            passphrase: 1,
            salt,
        }
    }

    fn derive() -> Result<u8, LibraryError> {
        Ok(7)
    }

    #[test]
    fn a_flood_fills_it_and_does_not_grow_it() {
        let cache = Cache::default();
        for salt in 0..100_000 {
            cache.slot(&name(salt));
        }
        assert_eq!(cache.len(), SETS * WAYS);
    }

    #[test]
    fn passphrases_that_share_a_salt_do_not_push_each_other_out() {
        let cache = Cache::default();
        let names: Vec<_> = (0..200)
            .map(|passphrase| Name {
                passphrase,
                ..name(1)
            })
            .collect();
        let places: Vec<_> = names.iter().map(|name| cache.slot(name)).collect();
        for (name, place) in names.iter().zip(places) {
            assert!(Arc::ptr_eq(&place.0, &cache.slot(name).0));
        }
    }

    #[test]
    fn what_is_used_stays() {
        let cache = Cache::default();
        let used = cache.slot(&name(0));
        for salt in 1..100_000 {
            cache.slot(&name(salt));
            let again = cache.slot(&name(0));
            assert!(Arc::ptr_eq(&used.0, &again.0), "after {salt}");
        }
    }

    #[test]
    fn what_is_on_trial_pushes_out_what_is_on_trial_alone() {
        let cache = Cache::default();
        let kept: Vec<_> = (0..100).map(|salt| cache.slot(&name(salt))).collect();
        for salt in 1000..100_000 {
            assert!(cache.try_out(&name(salt)).on_trial);
            assert!(cache.look_up(&name(salt)).unwrap().on_trial);
        }
        for (salt, key) in (0..).zip(kept) {
            let found = cache.try_out(&name(salt));
            assert!(!found.on_trial && Arc::ptr_eq(&found.key.0, &key.0));
        }
        assert_eq!(cache.len(), 100 + SETS);
    }

    #[test]
    fn a_key_is_in_one_place() {
        let cache = Cache::default();
        let key = cache.try_out(&name(1)).key;
        cache.keep(name(1), key.clone());
        cache.keep(name(1), key.clone());
        assert!(!cache.try_out(&name(1)).on_trial);
        assert_eq!(cache.len(), 1);
        assert!(Arc::ptr_eq(&cache.take(&name(1)).unwrap().0, &key.0));
        assert_eq!(cache.len(), 0);
        cache.try_out(&name(1));
        assert!(cache.take(&name(1)).is_some());
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn what_leaves_is_dropped() {
        let cache = Cache::default();
        let place = cache.slot(&name(0));
        place.get(derive).unwrap();
        let watch = Arc::downgrade(&place.0);
        drop(place);
        assert!(watch.upgrade().is_some());
        for salt in 1..100_000 {
            cache.slot(&name(salt));
        }
        assert!(watch.upgrade().is_none());
    }

    #[test]
    fn threads_that_miss_together_derive_once() {
        let cache = Cache::default();
        let derivations = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let place = cache.slot(&name(1));
                    let derive = || {
                        derivations.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                        derive()
                    };
                    place.get(derive).unwrap();
                });
            }
        });
        assert_eq!(derivations.into_inner(), 1);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let cache = Cache::default();
        let failed = cache.slot(&name(1));
        assert!(failed.get(|| Err(LibraryError::elsewhere())).is_err());
        assert!(
            failed.get(derive).is_err(),
            "whoever waited with it fails too"
        );
        assert!(cache.slot(&name(1)).get(derive).is_ok());
    }
}
