//! What a section of a configuration says.

use crate::algorithm::cipher::Cipher;
use crate::algorithm::digest::Digest;
use crate::certificate::identity::Identities;
use crate::engine::engine::Engine;
use crate::passphrase::list::PassphraseList;
use crate::purpose::Purpose;

/// The settings of one section of a configuration.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'c> {
    /// The first encrypts, all decrypt.
    pub keys: Keys<'c>,
    /// The first encrypts, all decrypt; a cipher stands for its wire format too.
    pub ciphers: &'c [Cipher],
    /// The digest that derives keys from passphrases; SHA-1 for the classic format
    /// and SHA-256 for JWE, if there is none.
    pub digest: Option<&'c Digest>,
    /// The purpose of the sessions.
    pub purpose: Option<&'c Purpose>,
    /// The source of algorithms that the section does not name.
    pub engine: Option<&'c Engine>,
}

/// The secrets of a section; each kind has a key scheme for JWE.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'c> {
    /// Secrets that servers share.
    Passphrases(&'c PassphraseList),
    /// Certificates with their private keys; JWE only.
    Certificates(&'c Identities),
}

impl<'c> Keys<'c> {
    /// The passphrases, which the classic format needs.
    pub(crate) fn passphrases(self) -> Option<&'c PassphraseList> {
        match self {
            Self::Passphrases(list) => Some(list),
            Self::Certificates(_) => None,
        }
    }
}
