//! The passphrases of a section.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use crate::algorithm::derivation::KEY_ID;
use crate::algorithm::digest::Digest;
use crate::error::LibraryError;
use crate::passphrase::passphrase::Passphrase;

/// The passphrases of a section: the first seals, all open.
#[derive(Debug, Default)]
pub struct PassphraseList {
    passphrases: Vec<Arc<Passphrase>>,
    /// Their ids, side by side, to be searched.
    ids: Vec<u64>,
    key_ids: Mutex<Vec<(usize, KeyIds)>>,
}

/// Where in a list the passphrase with a JWE key id stands.
type KeyIds = HashMap<[u8; KEY_ID], usize>;

impl Clone for PassphraseList {
    fn clone(&self) -> Self {
        Self {
            passphrases: self.passphrases.clone(),
            ids: self.ids.clone(),
            key_ids: Mutex::default(),
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

    /// The place of a passphrase in the list, by its id.
    pub(crate) fn position(&self, id: u64) -> Option<usize> {
        self.ids.iter().position(|held| *held == id)
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
