//! New keys: the first of a set, and the next one.

use base64_simd::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::error::LibraryError;
use crate::jwe::key_id::KeyId;
use crate::key_set::key_set::KeySet;
use crate::key_set::set_key::{Dates, KeySize, SetKey};
use crate::key_set::write;
use crate::keyring::random::Random;
use crate::limits::MAX_KEYS;

/// A rotation: a new key that begins later, and an end for the older ones. All times are
/// in Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The present time.
    pub now: u64,
    /// When the new key begins to seal.
    pub not_before: u64,
    /// When the older keys end, unless they end earlier.
    pub older_end: u64,
}

/// The reason why a set gets no new key.
#[derive(Clone, Debug, Error)]
pub enum RotationError {
    /// The set has as many keys as it can, and none of them has ended.
    #[error("has {MAX_KEYS} keys already, and none of them has ended")]
    TooManyKeys,
    /// OpenSSL failed.
    #[error(transparent)]
    Library(#[from] LibraryError),
}

/// Bytes of a new key.
const KEY: usize = 32;

/// Bytes of a new id before base64url, as in the tokens of passphrases: it goes into each
/// cookie.
const ID: usize = 6;

impl KeySet {
    /// Makes a set with one random key of 32 bytes, which begins at once and has no end.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn generate(now: u64, random: &mut impl Random) -> Result<Self, RotationError> {
        let dates = Dates {
            issued_at: Some(now),
            ..Dates::default()
        };
        let key = new_key(&[], dates, random)?;
        Ok(Self::new(vec![key]))
    }

    /// Makes the set that follows this one: with a random key of 32 bytes at its end, with
    /// an end for each older key, and without the keys that have ended.
    ///
    /// A key that begins later than the new one stays as it is.
    ///
    /// # Errors
    ///
    /// The set is full, or OpenSSL fails.
    pub fn rotated(
        &self,
        rotation: Rotation,
        random: &mut impl Random,
    ) -> Result<Self, RotationError> {
        let Rotation {
            now,
            not_before,
            older_end,
        } = rotation;
        let ending = |key: &SetKey| {
            let mut dates = *key.dates();
            let begins = dates.not_before.unwrap_or_default();
            if begins <= not_before {
                let end = dates.expires.unwrap_or(older_end).min(older_end);
                dates.expires = Some(end.max(begins.saturating_add(1)));
            }
            key.with_dates(dates)
        };
        let kept = self.keys().filter(|key| !key.dates().has_ended(now));
        let mut keys: Vec<SetKey> = kept.filter_map(ending).collect();
        if keys.len() >= MAX_KEYS {
            return Err(RotationError::TooManyKeys);
        }
        let dates = Dates {
            not_before: Some(not_before),
            expires: None,
            issued_at: Some(now),
        };
        keys.push(new_key(&keys, dates, random)?);
        Ok(Self::new(keys))
    }

    /// The text of the set, which [`KeySet::parse`] reads; members that it ignores are not
    /// there.
    pub fn to_json(&self) -> Zeroizing<String> {
        write::json(self.slice().iter())
    }
}

fn new_key(
    others: &[SetKey],
    dates: Dates,
    random: &mut impl Random,
) -> Result<SetKey, RotationError> {
    let mut secret = Zeroizing::new(vec![0; KEY]);
    random.fill(&mut secret)?;
    loop {
        let mut id = [0; ID];
        random.fill(&mut id)?;
        let id = KeyId::of(URL_SAFE_NO_PAD.encode_to_string(id).as_bytes());
        if let Some(id) = id.filter(|id| others.iter().all(|key| key.id() != id)) {
            return Ok(SetKey::new(id, secret, KeySize::Bits256, dates));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::random::OpenSslRandom;

    fn first() -> KeySet {
        KeySet::generate(1_000, &mut OpenSslRandom).unwrap()
    }

    fn rotated(set: &KeySet, now: u64, not_before: u64, older_end: u64) -> KeySet {
        let rotation = Rotation {
            now,
            not_before,
            older_end,
        };
        set.rotated(rotation, &mut OpenSslRandom).unwrap()
    }

    fn ends(set: &KeySet) -> Vec<Option<u64>> {
        set.keys().map(|key| key.dates().expires).collect()
    }

    #[test]
    fn a_new_set_seals_at_once_and_has_no_end() {
        let set = first();
        assert_eq!(set.count(), 1);
        let key = set.sealing(0).unwrap();
        assert_eq!((key.size(), key.alg()), (32, "A256KW"));
        assert_eq!(key.id().as_str().len(), 8);
        assert_eq!(key.dates().issued_at, Some(1_000));
        assert_eq!(set.next_change(0), None);
    }

    #[test]
    fn the_text_reads_as_the_same_set() {
        let mut set = first();
        for round in 1..5 {
            set = rotated(&set, round * 100, round * 100 + 50, round * 100 + 1_000);
            let text = set.to_json();
            let again = KeySet::parse(text.as_bytes()).unwrap();
            assert_eq!(*again.to_json(), *text);
            let all = |set: &KeySet| -> Vec<_> {
                set.keys()
                    .map(|key| (*key.id(), *key.dates(), key.with_key(<[u8]>::to_vec)))
                    .collect()
            };
            assert_eq!(all(&again), all(&set));
        }
    }

    #[test]
    fn a_rotation_ends_the_older_keys() {
        let one = first();
        let two = rotated(&one, 2_000, 5_000, 9_000);
        assert_eq!(ends(&two), [Some(9_000), None]);
        assert_eq!(
            two.sealing(4_999).unwrap().id(),
            one.sealing(0).unwrap().id()
        );
        assert_eq!(two.sealing(5_000).unwrap().dates().not_before, Some(5_000));
        // An end that comes earlier stays, and a key that begins later stays as it is.
        let three = rotated(&two, 3_000, 6_000, 20_000);
        assert_eq!(ends(&three), [Some(9_000), Some(20_000), None]);
        let between = rotated(&two, 3_000, 4_000, 8_000);
        assert_eq!(ends(&between), [Some(8_000), None, None]);
        // A key that has ended goes.
        let four = rotated(&three, 9_000, 12_000, 30_000);
        assert_eq!(ends(&four), [Some(20_000), Some(30_000), None]);
    }

    #[test]
    fn no_key_ends_before_it_begins() {
        let set = rotated(&rotated(&first(), 1_000, 5_000, 6_000), 1_000, 5_000, 5_000);
        assert_eq!(ends(&set), [Some(5_000), Some(5_001), None]);
        KeySet::parse(set.to_json().as_bytes()).unwrap();
    }

    #[test]
    fn a_full_set_gets_no_new_key() {
        let mut set = first();
        for _ in 1..MAX_KEYS {
            set = rotated(&set, 1, 2, 1_000);
        }
        let rotation = Rotation {
            now: 1,
            not_before: 2,
            older_end: 1_000,
        };
        let outcome = set.rotated(rotation, &mut OpenSslRandom);
        assert!(matches!(outcome, Err(RotationError::TooManyKeys)));
        assert!(set.to_json().len() < crate::limits::MAX_KEY_SET);
        assert_eq!(rotated(&set, 1_000, 2_000, 3_000).count(), 2);
    }

    /// A source that repeats itself makes equal ids, until it has other bytes.
    #[test]
    fn no_two_keys_share_an_id() {
        struct Slow(u8);
        impl Random for Slow {
            fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
                self.0 = self.0.saturating_add(1);
                bytes.fill(self.0 / 4);
                Ok(())
            }
        }
        let mut random = Slow(0);
        let set = KeySet::generate(1, &mut random).unwrap();
        let rotation = Rotation {
            now: 1,
            not_before: 2,
            older_end: 3,
        };
        let two = set.rotated(rotation, &mut random).unwrap();
        let ids: Vec<_> = two.keys().map(SetKey::id).collect();
        assert_ne!(ids[0], ids[1]);
    }
}
