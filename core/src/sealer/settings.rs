//! The settings of a section of a configuration.

use crate::algorithm::cipher::Cipher;
use crate::algorithm::digest::Digest;
use crate::certificate::identity::Identities;
use crate::engine::engine::Engine;
use crate::key_set::key_set::KeySet;
use crate::passphrase::list::PassphraseList;
use crate::purpose::Purpose;

/// The settings of one section of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'c> {
    /// The secrets. New sessions are sealed with the first one, or the one whose time it
    /// is; existing ones open with any of them.
    pub secrets: Secrets<'c>,
    /// The ciphers, used in the same way. A cipher implies its wire format.
    pub ciphers: &'c [Cipher],
    /// The digest for the derivation of keys from passphrases. Without one, it is SHA-1
    /// for the classic format and SHA-256 for JWE.
    pub digest: Option<&'c Digest>,
    /// The purpose of the sessions.
    pub purpose: Option<&'c Purpose>,
    /// The source of algorithms that the section does not name.
    pub engine: Option<&'c Engine>,
}

impl<'c> Settings<'c> {
    /// The settings of a section that names nothing but secrets and ciphers.
    ///
    /// A caller that has more adds it: `Settings { purpose, ..Settings::new(..) }`.
    pub fn new(secrets: Secrets<'c>, ciphers: &'c [Cipher]) -> Self {
        Self {
            secrets,
            ciphers,
            digest: None,
            purpose: None,
            engine: None,
        }
    }
}

/// The secrets of a section. Each kind has a key scheme for JWE.
#[derive(Clone, Copy, Debug)]
pub enum Secrets<'c> {
    /// Secrets that servers share.
    Passphrases(&'c PassphraseList),
    /// Certificates with their private keys, for JWE only.
    Certificates(&'c Identities),
    /// Keys with dates, for JWE only.
    KeySet {
        /// The keys, of which the dates choose the one that seals.
        keys: &'c KeySet,
        /// Passphrases whose tokens open, and are stale.
        passphrases: Option<&'c PassphraseList>,
    },
}

impl<'c> Secrets<'c> {
    /// The passphrases, which the classic format needs.
    pub(crate) fn passphrases(self) -> Option<&'c PassphraseList> {
        match self {
            Self::Passphrases(list) => Some(list),
            Self::Certificates(_) => None,
            Self::KeySet { passphrases, .. } => passphrases,
        }
    }

    /// The number of secrets before the passphrases, which seal in their place.
    pub(crate) fn count_before_passphrases(self) -> usize {
        match self {
            Self::Passphrases(_) | Self::Certificates(_) => 0,
            Self::KeySet { keys, .. } => keys.count(),
        }
    }
}
