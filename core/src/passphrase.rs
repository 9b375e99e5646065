//! A secret, wiped when it is dropped.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::derivation::KEY_ID;
use crate::digest::Digest;
use crate::error::LibraryError;
use crate::key_cache::{KeyName, SharedKey};
use crate::master_keys::{MasterPlace, Masters, Payer};

/// A passphrase of the configuration, and the keys that seal under it now.
///
/// Equal passphrases of one [`Keyring`](crate::Keyring) are one value.
/// Comparing and printing it is impossible on purpose.
pub struct Passphrase {
    id: u64,
    secret: Secret,
    used: AtomicBool,
    sealing: Mutex<Vec<SealingKey>>,
    masters: Mutex<Vec<(usize, Arc<MasterPlace>)>>,
}

#[derive(Zeroize, ZeroizeOnDrop)]
struct Secret {
    bytes: Box<[u8]>,
    mac_key: [u8; 16],
}

/// The passphrases of a section: the first seals, all open.
#[derive(Debug, Default)]
pub struct PassphraseList {
    passphrases: Vec<Arc<Passphrase>>,
    /// Their ids, side by side, to be searched.
    ids: Vec<u64>,
    key_ids: Mutex<Vec<(usize, KeyIds)>>,
    payer: Payer,
}

/// Where in a list the passphrase with a JWE key id stands.
type KeyIds = HashMap<[u8; KEY_ID], usize>;

impl Clone for PassphraseList {
    fn clone(&self) -> Self {
        Self {
            passphrases: self.passphrases.clone(),
            ids: self.ids.clone(),
            key_ids: Mutex::default(),
            payer: self.payer,
        }
    }
}

impl PassphraseList {
    /// Makes an empty list.
    pub const fn new() -> Self {
        Self {
            passphrases: Vec::new(),
            ids: Vec::new(),
            key_ids: Mutex::new(Vec::new()),
            payer: Payer::Server,
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.passphrases.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.passphrases.is_empty()
    }

    /// The passphrase that seals.
    pub(crate) fn first(&self) -> Option<&Arc<Passphrase>> {
        self.passphrases.first()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Passphrase>> {
        self.passphrases.iter()
    }

    /// Their ids, in the order of the list: equal passphrases of a keyring have
    /// one.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// Where a passphrase stands in the list, by its id.
    pub(crate) fn find(&self, id: u64) -> Option<(usize, &Arc<Passphrase>)> {
        let index = self.ids.iter().position(|held| *held == id)?;
        Some((index, self.passphrases.get(index)?))
    }

    /// Says who pays for the master keys of these.
    #[must_use]
    pub fn paid_by(mut self, payer: Payer) -> Self {
        self.payer = payer;
        self
    }

    /// The payer for its master keys.
    pub(crate) fn payer(&self) -> Payer {
        self.payer
    }

    /// The passphrase with a JWE key id, among those whose master key under a
    /// digest is `known`: one look-up, however many there are, once all are.
    pub(crate) fn by_key_id(
        &self,
        digest: &Digest,
        key_id: &[u8; KEY_ID],
        mut known: impl FnMut(&Passphrase) -> Result<Option<[u8; KEY_ID]>, LibraryError>,
    ) -> Result<ByKeyId<'_>, LibraryError> {
        let mut held = self.key_ids.lock().unwrap_or_else(PoisonError::into_inner);
        let index = held.iter().find(|(held, _)| *held == digest.id());
        if let Some((_, key_ids)) = index {
            let place = key_ids.get(key_id);
            let found = place.and_then(|place| self.passphrases.get(*place));
            return Ok(found.map_or(ByKeyId::None, ByKeyId::Found));
        }
        let (mut key_ids, mut underived) = (KeyIds::default(), None);
        for (index, passphrase) in self.passphrases.iter().enumerate() {
            match known(passphrase)? {
                Some(known) => {
                    key_ids.entry(known).or_insert(index);
                }
                None => underived = underived.or(Some(passphrase)),
            }
        }
        let place = key_ids.get(key_id).copied();
        if underived.is_none() {
            held.push((digest.id(), key_ids));
        }
        let found = place.and_then(|place| self.passphrases.get(place));
        Ok(match (found, underived) {
            (Some(passphrase), _) => ByKeyId::Found(passphrase),
            (None, Some(passphrase)) => ByKeyId::Underived(passphrase),
            (None, None) => ByKeyId::None,
        })
    }
}

/// The answer to a key id.
pub(crate) enum ByKeyId<'l> {
    /// The passphrase that has it.
    Found(&'l Arc<Passphrase>),
    /// No passphrase of the list has it.
    None,
    /// None has that is known; of the others, this is the first.
    Underived(&'l Arc<Passphrase>),
}

impl Extend<Arc<Passphrase>> for PassphraseList {
    fn extend<T: IntoIterator<Item = Arc<Passphrase>>>(&mut self, more: T) {
        self.key_ids = Mutex::default();
        for passphrase in more {
            self.ids.push(passphrase.id());
            self.passphrases.push(passphrase);
        }
    }
}

impl FromIterator<Arc<Passphrase>> for PassphraseList {
    fn from_iter<T: IntoIterator<Item = Arc<Passphrase>>>(passphrases: T) -> Self {
        let mut list = Self::default();
        list.extend(passphrases);
        list
    }
}

/// A key that seals during one hour.
#[derive(Clone)]
pub(crate) struct SealingKey {
    pub(crate) name: KeyName,
    pub(crate) key: SharedKey,
}

impl SealingKey {
    /// Whether this is the key of that name, derived or about to be.
    fn is(&self, name: &KeyName) -> bool {
        self.name == *name && !self.key.has_failed()
    }
}

/// How many digests and key lengths at once keep their keys with a
/// passphrase; more than a sane configuration has.
const MAX_SEALING: usize = 8;

/// A passphrase of no bytes protects nothing.
#[derive(Clone, Copy, Debug, Error)]
#[error("empty passphrase")]
pub struct EmptyPassphrase;

impl Passphrase {
    /// Copies `bytes`, which the caller wipes; `id` is unique in its keyring.
    pub(crate) fn new(bytes: &[u8], id: u64) -> Result<Self, EmptyPassphrase> {
        if bytes.is_empty() {
            return Err(EmptyPassphrase);
        }
        // Not OpenSSL's MD5: a FIPS provider has none, and the MAC of httpd's
        // module is keyed by it all the same (mod_session_crypto.c, compute_auth).
        let mac_key = Md5::digest(bytes).into();
        let secret = Secret {
            bytes: bytes.into(),
            mac_key,
        };
        Ok(Self {
            id,
            secret,
            used: AtomicBool::new(false),
            sealing: Mutex::default(),
            masters: Mutex::default(),
        })
    }

    /// What this passphrase goes by in the names of keys.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Whether this is the passphrase of these bytes, in constant time.
    pub(crate) fn is(&self, bytes: &[u8]) -> bool {
        self.secret.bytes.ct_eq(bytes).into()
    }

    /// Whether a key of it has ever been in use.
    pub(crate) fn was_used(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Notes that a key of it is in use.
    pub(crate) fn note_use(&self) {
        self.used.store(true, Ordering::Relaxed);
    }

    /// The bytes that key derivation starts from, which is about to.
    pub(crate) fn secret(&self) -> &[u8] {
        self.note_use();
        &self.secret.bytes
    }

    /// The SipHash key of the classic format: MD5 of the passphrase.
    pub(crate) fn mac_key(&self) -> &[u8; 16] {
        &self.secret.mac_key
    }

    /// The place of the JWE master key under a digest, derived or not.
    pub(crate) fn master_place(
        &self,
        digest: &Digest,
        masters: &Masters,
    ) -> Result<Arc<MasterPlace>, LibraryError> {
        let mut places = self.masters.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, place)) = places.iter().find(|(held, _)| *held == digest.id()) {
            return Ok(place.clone());
        }
        // No bound: OpenSSL has so many digests, and a master key is 38 bytes.
        let place = Arc::new(masters.place(&self.secret.bytes, digest)?);
        places.push((digest.id(), place.clone()));
        Ok(place)
    }

    /// The key of this name, if it is one of those that seal now.
    pub(crate) fn sealing_key(&self, name: &KeyName) -> Option<SharedKey> {
        let keys = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        keys.iter()
            .find(|held| held.is(name))
            .map(|held| held.key.clone())
    }

    /// Makes `new` the key that seals, unless another thread has done so, and
    /// returns the one that does. What it replaces is pushed out.
    pub(crate) fn set_sealing_key(&self, new: SealingKey) -> (SharedKey, Option<SealingKey>) {
        let mut keys = self.sealing.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = keys.iter().find(|held| held.is(&new.name)) {
            return (held.key.clone(), None);
        }
        let key = new.key.clone();
        let place = keys.iter().position(|held| held.name.same_use(&new.name));
        let replaced = match (place, keys.len()) {
            (Some(index), _) => Some(keys.swap_remove(index)),
            (None, MAX_SEALING..) => Some(keys.swap_remove(0)),
            (None, _) => None,
        };
        keys.push(new);
        (key, replaced)
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Passphrase")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rejects_the_empty_passphrase() {
        assert!(Passphrase::new(b"", 1).is_err());
    }

    #[test]
    fn is_not_printed() {
        let passphrase = Passphrase::new(b"secret", 1).unwrap();
        assert_eq!(format!("{passphrase:?}"), "Passphrase");
    }

    #[test]
    fn wipes_every_byte() {
        let mut passphrase = Passphrase::new(b"secret", 1).unwrap();
        passphrase.secret.zeroize();
        assert!(passphrase.secret().iter().all(|&byte| byte == 0));
        assert_eq!(passphrase.mac_key(), &[0; 16]);
    }
}
