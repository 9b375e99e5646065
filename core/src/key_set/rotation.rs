//! New keys: the first of a set, and the next one.

use base64_simd::URL_SAFE_NO_PAD;
use thiserror::Error;
use zeroize::Zeroizing;

use crate::error::LibraryError;
use crate::key_id::KeyId;
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
        let is_new = others.iter().all(|key| Some(*key.id()) != id);
        if let (true, Some(_)) = (is_new, id) {
            return SetKey::new(id, secret, KeySize::Bits256, dates)
                .ok_or_else(|| LibraryError::because("make a key", "it has no id").into());
        }
    }
}
