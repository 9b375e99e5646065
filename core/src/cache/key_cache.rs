//! Derived keys that are kept, in a bounded number.
//!
//! Each other server seals with salts of its own, and httpd's C module draws a new
//! salt for each token. A flood of such tokens must not push out the keys that users
//! need. So a key gets here only for an authentic token, and stays on trial until
//! its session is known. A session without a word about a user leaves its key on
//! trial, where it can replace only another key on trial.

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, OnceLock};

use siphasher::sip::SipHasher13;

use crate::cache::slot::KeySlot;
use crate::panics::locks;

/// A set-associative cache of keys, by their ids.
///
/// An id belongs to one set, where a new key replaces the one used longest ago. A
/// key is wiped when it leaves. Beside the keys that it keeps, each set has room for
/// one key on trial, which the next key on trial replaces.
///
/// The memory is allocated when the first key comes, which is mostly in a child.
pub(crate) struct KeyCache<I, T> {
    sets: OnceLock<Sets<I, T>>,
}

type Sets<I, T> = Box<[Mutex<Set<I, T>>]>;

type Entry<I, T> = Option<(I, KeySlot<T>)>;

struct Set<I, T> {
    /// The entry used last comes first.
    kept: [Entry<I, T>; WAYS],
    trial: Entry<I, T>,
}

/// A slot that is in the cache.
pub(crate) struct CachedSlot<T> {
    pub(crate) slot: KeySlot<T>,
    /// The key is not kept yet.
    pub(crate) on_trial: bool,
}

/// Keys that a set keeps.
const WAYS: usize = 8;

/// Sets: with [`WAYS`], they have room for 4,096 keys, or about 650 KiB. A fleet of
/// ten servers whose sessions last two weeks has about as many salts at once.
const SETS: usize = 512;
const SETS_U64: u64 = 512;

impl<I: Copy + Eq + Hash, T> KeyCache<I, T> {
    /// The slot of this id, a new one if there is none.
    pub(crate) fn slot(&self, id: &I) -> KeySlot<T> {
        self.with_set(id, |set| {
            set.find(id).map(|found| found.slot).unwrap_or_else(|| {
                let slot = KeySlot::default();
                set.keep(*id, slot.clone());
                slot
            })
        })
    }

    /// The slot of this id, kept or on trial, if there is one.
    pub(crate) fn look_up(&self, id: &I) -> Option<CachedSlot<T>> {
        self.sets.get()?;
        self.with_set(id, |set| set.find(id))
    }

    /// As [`KeyCache::look_up`], without saying whether the key is on trial.
    pub(crate) fn find(&self, id: &I) -> Option<KeySlot<T>> {
        self.look_up(id).map(|found| found.slot)
    }

    /// The slot of this id, a new one on trial if there is none.
    pub(crate) fn try_out(&self, id: &I) -> CachedSlot<T> {
        self.with_set(id, |set| {
            set.find(id).unwrap_or_else(|| {
                let slot = KeySlot::default();
                set.trial = Some((*id, slot.clone()));
                CachedSlot::on_trial(slot)
            })
        })
    }

    /// Takes a slot out, to be kept elsewhere.
    pub(crate) fn take(&self, id: &I) -> Option<KeySlot<T>> {
        self.sets.get()?;
        self.with_set(id, |set| {
            let found = set.find(id)?;
            if found.on_trial {
                set.trial = None;
            } else if let Some(first) = set.kept.first_mut() {
                *first = None;
            }
            Some(found.slot)
        })
    }

    /// Keeps a slot that was kept elsewhere, or on trial.
    pub(crate) fn keep(&self, id: I, slot: KeySlot<T>) {
        self.with_set(&id, |set| set.keep(id, slot));
    }

    /// Drops all keys.
    pub(crate) fn clear(&self) {
        for set in self.sets.get().into_iter().flatten() {
            *locks::lock(set) = Set::default();
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let sets = self.sets.get().into_iter().flatten();
        sets.map(|set| {
            let set = set.lock().unwrap();
            set.kept.iter().chain([&set.trial]).flatten().count()
        })
        .sum()
    }

    fn with_set<R: Default>(&self, id: &I, with: impl FnOnce(&mut Set<I, T>) -> R) -> R {
        // The hash takes in the whole id: all passphrases of a server share an hour's
        // salt, so the salt alone would put them into one set.
        let mut hasher = SipHasher13::new();
        id.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % SETS_U64).unwrap_or_default();
        let sets = self
            .sets
            .get_or_init(|| (0..SETS).map(|_| Mutex::new(Set::default())).collect());
        let Some(set) = sets.get(index) else {
            return R::default();
        };
        with(&mut locks::lock(set))
    }
}

impl<I, T> Default for KeyCache<I, T> {
    fn default() -> Self {
        Self {
            sets: OnceLock::new(),
        }
    }
}

impl<I: Eq, T> Set<I, T> {
    /// Finds a slot whose derivation has not failed. A kept one moves to the front.
    fn find(&mut self, id: &I) -> Option<CachedSlot<T>> {
        let slot_of = |entry: &Entry<I, T>| {
            let (known, slot) = entry.as_ref()?;
            (known == id && !slot.has_failed()).then(|| slot.clone())
        };
        let kept = self.kept.iter().enumerate();
        let Some((index, slot)) = kept.clone().find_map(|(i, e)| Some((i, slot_of(e)?))) else {
            return slot_of(&self.trial).map(CachedSlot::on_trial);
        };
        if let Some(newer) = self.kept.get_mut(..=index) {
            newer.rotate_right(1);
        }
        Some(CachedSlot {
            slot,
            on_trial: false,
        })
    }

    /// Keeps a slot at the front.
    fn keep(&mut self, id: I, slot: KeySlot<T>) {
        let is_it = |entry: &Entry<I, T>| entry.as_ref().is_some_and(|(known, _)| *known == id);
        if is_it(&self.trial) {
            self.trial = None;
        }
        let last = self.kept.len().saturating_sub(1);
        let index = self.kept.iter().position(is_it).unwrap_or(last);
        if let Some(newer) = self.kept.get_mut(..=index) {
            newer.rotate_right(1);
        }
        if let Some(first) = self.kept.first_mut() {
            *first = Some((id, slot));
        }
    }
}

impl<I, T> Default for Set<I, T> {
    fn default() -> Self {
        Self {
            kept: [const { None }; WAYS],
            trial: None,
        }
    }
}

impl<T> CachedSlot<T> {
    fn on_trial(slot: KeySlot<T>) -> Self {
        Self {
            slot,
            on_trial: true,
        }
    }
}

impl<T> Default for CachedSlot<T> {
    fn default() -> Self {
        Self::on_trial(KeySlot::default())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::sync::{Arc, Barrier};
    use std::thread;

    use super::*;
    use crate::error::LibraryError;

    type Cache = KeyCache<Id, u8>;

    #[derive(Clone, Copy, PartialEq, Eq, Hash)]
    struct Id {
        passphrase: u64,
        salt: u64,
    }

    fn id(salt: u64) -> Id {
        Id {
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
            cache.slot(&id(salt));
        }
        assert_eq!(cache.len(), SETS * WAYS);
    }

    #[test]
    fn passphrases_that_share_a_salt_do_not_push_each_other_out() {
        let cache = Cache::default();
        let ids: Vec<_> = (0..200)
            .map(|passphrase| Id {
                passphrase,
                ..id(1)
            })
            .collect();
        let slots: Vec<_> = ids.iter().map(|id| cache.slot(id)).collect();
        for (id, slot) in ids.iter().zip(slots) {
            assert!(Arc::ptr_eq(&slot.0, &cache.slot(id).0));
        }
    }

    #[test]
    fn a_key_in_use_stays_under_a_flood() {
        let cache = Cache::default();
        let used = cache.slot(&id(0));
        for salt in 1..100_000 {
            cache.slot(&id(salt));
            let again = cache.slot(&id(0));
            assert!(Arc::ptr_eq(&used.0, &again.0), "after {salt}");
        }
    }

    #[test]
    fn a_key_on_trial_replaces_only_another_on_trial() {
        let cache = Cache::default();
        let kept: Vec<_> = (0..100).map(|salt| cache.slot(&id(salt))).collect();
        for salt in 1000..100_000 {
            assert!(cache.try_out(&id(salt)).on_trial);
            assert!(cache.look_up(&id(salt)).unwrap().on_trial);
        }
        for (salt, slot) in (0..).zip(kept) {
            let found = cache.try_out(&id(salt));
            assert!(!found.on_trial && Arc::ptr_eq(&found.slot.0, &slot.0));
        }
        assert_eq!(cache.len(), 100 + SETS);
    }

    #[test]
    fn a_key_is_kept_or_on_trial_and_never_both() {
        let cache = Cache::default();
        let slot = cache.try_out(&id(1)).slot;
        cache.keep(id(1), slot.clone());
        cache.keep(id(1), slot.clone());
        assert!(!cache.try_out(&id(1)).on_trial);
        assert_eq!(cache.len(), 1);
        assert!(Arc::ptr_eq(&cache.take(&id(1)).unwrap().0, &slot.0));
        assert_eq!(cache.len(), 0);
        cache.try_out(&id(1));
        assert!(cache.take(&id(1)).is_some());
        assert_eq!(cache.len(), 0);
    }

    #[test]
    fn a_key_that_leaves_is_dropped() {
        let cache = Cache::default();
        let slot = cache.slot(&id(0));
        slot.get(derive).unwrap();
        let watch = Arc::downgrade(&slot.0);
        drop(slot);
        assert!(watch.upgrade().is_some());
        for salt in 1..100_000 {
            cache.slot(&id(salt));
        }
        assert!(watch.upgrade().is_none());
    }

    #[test]
    fn threads_that_miss_together_derive_once() {
        let cache = Cache::default();
        let derivations = AtomicU32::new(0);
        // A thread that begins late finds the key, or ends before another begins.
        let together = Barrier::new(16);
        thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    together.wait();
                    let slot = cache.slot(&id(1));
                    let derive = || {
                        derivations.fetch_add(1, Ordering::Relaxed);
                        derive()
                    };
                    slot.get(derive).unwrap();
                    together.wait();
                });
            }
        });
        assert_eq!(derivations.into_inner(), 1);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let cache = Cache::default();
        let failed = cache.slot(&id(1));
        assert!(failed.get(|| Err(LibraryError::elsewhere())).is_err());
        assert!(
            failed.get(derive).is_err(),
            "a thread that waited with it fails too"
        );
        assert!(cache.slot(&id(1)).get(derive).is_ok());
    }
}
