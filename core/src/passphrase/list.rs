//! The passphrases of a section.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use crate::algorithm::derivation::KEY_ID;
use crate::algorithm::digest::Digest;
use crate::error::LibraryError;
use crate::panics::locks;
use crate::passphrase::passphrase::Passphrase;

/// The passphrases of a section: new sessions are sealed with the first one, and existing
/// ones open with any of them.
#[derive(Debug, Default)]
pub struct PassphraseList {
    passphrases: Vec<Arc<Passphrase>>,
    /// Their ids, side by side, which makes a search fast.
    ids: Vec<u64>,
    /// An index for each digest, by the digest's id.
    key_ids: Mutex<Vec<(usize, KeyIds)>>,
}

/// The positions of passphrases in a list, by their JWE key ids.
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

    /// The number of passphrases.
    pub fn len(&self) -> usize {
        self.passphrases.len()
    }

    /// Whether there is no passphrase.
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

    /// The ids of the passphrases, in the order of the list. Equal passphrases of a
    /// keyring have one id.
    pub fn ids(&self) -> &[u64] {
        &self.ids
    }

    /// The position of a passphrase in the list, by its id.
    pub(crate) fn position(&self, id: u64) -> Option<usize> {
        self.ids.iter().position(|known| *known == id)
    }

    /// Finds the passphrase with a JWE key id under a digest. `key_id_of` knows the key ids
    /// of passphrases whose master key is derived.
    ///
    /// Once all master keys are derived, this is one look-up in an index.
    ///
    /// # Errors
    ///
    /// `key_id_of` fails.
    pub(crate) fn by_key_id(
        &self,
        digest: &Digest,
        key_id: &[u8; KEY_ID],
        mut key_id_of: impl FnMut(&Passphrase) -> Result<Option<[u8; KEY_ID]>, LibraryError>,
    ) -> Result<KeyIdMatch<'_>, LibraryError> {
        let mut indexes = locks::lock(&self.key_ids);
        let index = indexes.iter().find(|(known, _)| *known == digest.id());
        if let Some((_, key_ids)) = index {
            let position = key_ids.get(key_id);
            let found = position.and_then(|position| self.passphrases.get(*position));
            return Ok(found.map_or(KeyIdMatch::Unknown, KeyIdMatch::Found));
        }
        let (mut key_ids, mut underived) = (KeyIds::default(), None);
        for (position, passphrase) in self.passphrases.iter().enumerate() {
            match key_id_of(passphrase)? {
                Some(key_id) => {
                    key_ids.entry(key_id).or_insert(position);
                }
                None => underived = underived.or(Some(passphrase)),
            }
        }
        let position = key_ids.get(key_id).copied();
        if underived.is_none() {
            indexes.push((digest.id(), key_ids));
        }
        let found = position.and_then(|position| self.passphrases.get(position));
        Ok(match (found, underived) {
            (Some(passphrase), _) => KeyIdMatch::Found(passphrase),
            (None, Some(passphrase)) => KeyIdMatch::Underived(passphrase),
            (None, None) => KeyIdMatch::Unknown,
        })
    }
}

/// The passphrase of a list that a key id belongs to.
pub(crate) enum KeyIdMatch<'l> {
    /// This passphrase has the key id.
    Found(&'l Arc<Passphrase>),
    /// No passphrase of the list has the key id.
    Unknown,
    /// No passphrase with a derived master key has the key id. This is the first one whose
    /// master key is not derived.
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
