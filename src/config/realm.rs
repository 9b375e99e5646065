//! Realms tell sections apart whose sessions must not meet.

use session_crypto_core::Fingerprint;

use super::DirRecord;

/// The settings that a section encrypts with: keys, ciphers, digest, purpose and
/// engine.
///
/// Sections that are set alike share a realm, and so do all that do not encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// Sessions in clear.
    Clear,
    /// The section's record could not be made: nothing is sealed or opened here.
    Refusing,
    /// A fingerprint of each setting, the default one of what is not set.
    Sealed([Fingerprint; SETTINGS]),
}

/// Settings that make a realm.
const SETTINGS: usize = 7;

impl DirRecord<'_> {
    /// The realm of a section.
    pub(crate) fn realm(&self) -> Realm {
        if self.refuses {
            return Realm::Refusing;
        }
        if !self.has_secrets() {
            return Realm::Clear;
        }
        Realm::Sealed(
            [
                self.passphrases.map(|held| held.fingerprint),
                self.certificates.map(|files| files.fingerprint()),
                self.keys.map(|files| files.fingerprint()),
                self.ciphers.map(|names| names.fingerprint()),
                self.digest.map(|names| names.fingerprint()),
                self.purpose.map(|purpose| purpose.fingerprint),
                self.engine.map(|engine| engine.fingerprint),
            ]
            .map(Option::unwrap_or_default),
        )
    }
}
