//! Realms tell sections apart whose sessions must not meet.

use session_crypto_core::Fingerprint;

use super::dir_config::DirConfig;

/// The settings that a section encrypts with: passphrases, certificates, private
/// keys, ciphers, digest, purpose and engine.
///
/// Sections that are set alike share a realm, and so do all that do not encrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Realm {
    /// Sessions are in clear.
    Clear,
    /// The section's settings could not be made; no session is sealed or opened.
    Refusing,
    /// A fingerprint of each setting, or the default one if it is not set.
    Sealed([Fingerprint; SETTINGS]),
}

/// The number of settings that make a realm.
const SETTINGS: usize = 7;

impl DirConfig<'_> {
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
                self.certificates.map(|list| list.fingerprint()),
                self.private_keys.map(|list| list.fingerprint()),
                self.ciphers.map(|names| names.fingerprint()),
                self.digest.map(|names| names.fingerprint()),
                self.purpose.map(|purpose| purpose.fingerprint),
                self.engine.map(|engine| engine.fingerprint),
            ]
            .map(Option::unwrap_or_default),
        )
    }
}
