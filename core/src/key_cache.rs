//! Derived keys that are kept: as many as fit, and never more.
//!
//! Tokens of other servers come with salts of their own; a token of httpd's C
//! module with a new one each time. Only a token that is authentic gets as
//! far as a key, so whoever fills the cache holds a passphrase, and all that
//! he gains is that others' keys are derived anew.

use std::hash::{Hash, Hasher};
use std::sync::{Mutex, OnceLock, PoisonError};

use siphasher::sip::SipHasher13;
use zeroize::Zeroizing;

use crate::derivation::{CLASSIC_SALT, ClassicKey};
use crate::shared::Shared;

/// What a key is derived from.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct KeyName {
    pub(crate) passphrase: u64,
    pub(crate) digest: usize,
    pub(crate) length: usize,
    pub(crate) salt: [u8; CLASSIC_SALT],
}

impl KeyName {
    /// Whether two keys differ in their salt alone.
    pub(crate) fn same_use(&self, other: &Self) -> bool {
        *self
            == Self {
                salt: self.salt,
                ..*other
            }
    }
}

pub(crate) type SharedKey = Shared<ClassicKey>;

/// The keys of tokens in the classic format.
pub(crate) type ClassicKeys = KeyCache<KeyName, ClassicKey>;

/// What a content key came from: a certificate, by the number of its identity,
/// and SHA-256 of a header and an encrypted key that its private key signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WrappedName {
    pub(crate) identity: u64,
    pub(crate) digest: [u8; 32],
}

/// The content keys of tokens with a certificate; `None` is what an encrypted
/// key without a key in it comes to.
pub(crate) type ContentKeys = KeyCache<WrappedName, Option<Zeroizing<Vec<u8>>>>;

/// A set-associative cache: a name belongs to one set, where it takes the
/// place that was used longest ago. An entry is wiped as it leaves.
///
/// Made when the first key comes, mostly in a child.
pub(crate) struct KeyCache<N, T> {
    sets: OnceLock<Sets<N, T>>,
}

type Sets<N, T> = Box<[Mutex<Set<N, T>>]>;

type Set<N, T> = [Option<(N, Shared<T>)>; WAYS];

/// Keys that a set holds.
const WAYS: usize = 8;

/// Sets: with [`WAYS`], 4,096 keys, or about 600 KiB. A fleet of ten servers
/// whose sessions last two weeks has as many salts at once.
const SETS: usize = 512;
const SETS_U64: u64 = 512;

impl<N: Copy + Eq + Hash, T> KeyCache<N, T> {
    /// Returns the place of this key, a new one if there is none.
    pub(crate) fn place(&self, name: &N) -> Shared<T> {
        self.with_set(name, |set| {
            find(set, name).unwrap_or_else(|| {
                let key = Shared::default();
                push(set, *name, key.clone());
                key
            })
        })
    }

    /// Returns the place of this key, if there is one.
    pub(crate) fn find(&self, name: &N) -> Option<Shared<T>> {
        self.sets.get()?;
        self.with_set(name, |set| find(set, name))
    }

    /// Takes a key out, to be kept elsewhere.
    pub(crate) fn take(&self, name: &N) -> Option<Shared<T>> {
        self.sets.get()?;
        self.with_set(name, |set| {
            let key = find(set, name)?;
            if let Some(first) = set.first_mut() {
                *first = None;
            }
            Some(key)
        })
    }

    /// Keeps a key that was in use elsewhere.
    pub(crate) fn keep(&self, name: N, key: Shared<T>) {
        self.with_set(&name, |set| push(set, name, key));
    }

    /// How many keys there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let sets = self.sets.get().into_iter().flatten();
        sets.map(|set| set.lock().unwrap().iter().flatten().count())
            .sum()
    }

    fn with_set<R: Default>(&self, name: &N, with: impl FnOnce(&mut Set<N, T>) -> R) -> R {
        // Of the whole name: all passphrases of a server share an hour's salt.
        let mut hasher = SipHasher13::new();
        name.hash(&mut hasher);
        let index = usize::try_from(hasher.finish() % SETS_U64).unwrap_or_default();
        let sets = self.sets.get_or_init(|| {
            (0..SETS)
                .map(|_| Mutex::new([const { None }; WAYS]))
                .collect()
        });
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

/// Finds a key that has not failed, and makes it the first of its set.
fn find<N: Eq, T>(set: &mut Set<N, T>, name: &N) -> Option<Shared<T>> {
    let is_it = |entry: &Option<(N, Shared<T>)>| {
        entry
            .as_ref()
            .is_some_and(|(held, key)| held == name && !key.has_failed())
    };
    let index = set.iter().position(is_it)?;
    set.get_mut(..=index)?.rotate_right(1);
    set.first()?.as_ref().map(|(_, key)| key.clone())
}

fn push<N, T>(set: &mut Set<N, T>, name: N, key: Shared<T>) {
    set.rotate_right(1);
    if let Some(first) = set.first_mut() {
        *first = Some((name, key));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::{Digest, LibraryError, Passphrase};

    fn name(salt: u64) -> KeyName {
        let mut bytes = [0; CLASSIC_SALT];
        bytes[..8].copy_from_slice(&salt.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        KeyName {
            passphrase: 1,
            digest: 2,
            length: 16,
            salt: bytes,
        }
    }

    fn derive() -> Result<ClassicKey, LibraryError> {
        let passphrase = Passphrase::new(b"secret", 1).unwrap();
        let sha1 = Digest::by_name(None, "SHA1").unwrap();
        ClassicKey::derive(&passphrase, &sha1, &[0; CLASSIC_SALT], 16)
    }

    #[test]
    fn a_flood_fills_it_and_does_not_grow_it() {
        let cache = ClassicKeys::default();
        for salt in 0..100_000 {
            cache.place(&name(salt));
        }
        assert_eq!(cache.len(), SETS * WAYS);
    }

    #[test]
    fn passphrases_that_share_a_salt_do_not_push_each_other_out() {
        let cache = ClassicKeys::default();
        let names: Vec<_> = (0..200)
            .map(|passphrase| KeyName {
                passphrase,
                ..name(1)
            })
            .collect();
        let places: Vec<_> = names.iter().map(|name| cache.place(name)).collect();
        for (name, place) in names.iter().zip(places) {
            assert!(Arc::ptr_eq(&place.0, &cache.place(name).0));
        }
    }

    #[test]
    fn what_is_used_stays() {
        let cache = ClassicKeys::default();
        let used = cache.place(&name(0));
        for salt in 1..100_000 {
            cache.place(&name(salt));
            let again = cache.place(&name(0));
            assert!(Arc::ptr_eq(&used.0, &again.0), "after {salt}");
        }
    }

    #[test]
    fn what_leaves_is_dropped() {
        let cache = ClassicKeys::default();
        let place = cache.place(&name(0));
        place.get(derive).unwrap();
        let watch = Arc::downgrade(&place.0);
        drop(place);
        assert!(watch.upgrade().is_some());
        for salt in 1..100_000 {
            cache.place(&name(salt));
        }
        assert!(watch.upgrade().is_none());
    }

    #[test]
    fn threads_that_miss_together_derive_once() {
        let cache = ClassicKeys::default();
        let derivations = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..16 {
                scope.spawn(|| {
                    let place = cache.place(&name(1));
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
        let cache = ClassicKeys::default();
        let failed = cache.place(&name(1));
        assert!(failed.get(|| Err(LibraryError::elsewhere())).is_err());
        assert!(
            failed.get(derive).is_err(),
            "whoever waited with it fails too"
        );
        assert!(cache.place(&name(1)).get(derive).is_ok());
    }
}
