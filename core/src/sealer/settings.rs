//! The settings of a section of a configuration.

use crate::algorithm::cipher::Cipher;
use crate::algorithm::digest::Digest;
use crate::certificate::identity::Identities;
use crate::engine::engine::Engine;
use crate::passphrase::list::PassphraseList;
use crate::purpose::Purpose;

/// The settings of one section of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'c> {
    /// The secrets. New sessions are sealed with the first one, and existing ones open
    /// with any of them.
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
}

impl<'c> Secrets<'c> {
    /// The passphrases, which the classic format needs.
    pub(crate) fn passphrases(self) -> Option<&'c PassphraseList> {
        match self {
            Self::Passphrases(list) => Some(list),
            Self::Certificates(_) => None,
        }
    }
}
