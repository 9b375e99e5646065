//! Conflicts between two sections that a request may be in at the same time.

use session_crypto_core::{During, Keyring};

use super::dir_config::{DirConfig, PURPOSE};
use super::settings::IDLE_INSIDE;

impl DirConfig<'_> {
    /// Whether this section sets one half of a conflict.
    pub(crate) fn may_clash(&self) -> bool {
        self.purpose.is_some() || self.passphrases.is_some()
    }

    /// Whether the other section sets the other half.
    pub(crate) fn may_clash_with(&self, other: &Self) -> bool {
        (self.purpose.is_some() && other.ciphers.is_some())
            || (self.passphrases.is_some() && other.certificates.is_some())
    }

    /// Describes the conflict between two sections; `self` has the settings of both
    /// and of all sections around them.
    pub(crate) fn clash(&self, keyring: &Keyring, one: &Self, other: &Self) -> Option<String> {
        if !self.has_secrets() {
            return None;
        }
        if let (Some(purpose), Some(ciphers)) = (one.purpose, other.ciphers) {
            if self.check_purpose(keyring).is_err() {
                return Some(format!(
                    "{}: {PURPOSE}: a request that is in this section, and in that with the \
                     ciphers {}, has no cipher whose tokens can carry a purpose, and no session: \
                     if there are such requests, write 'SessionCryptoCipher aes-256-gcm' there as \
                     well",
                    purpose.line,
                    ciphers.line()
                ));
            }
        }
        let (passphrases, (certificate, _)) = (one.passphrases?, other.first_certificate()?);
        let are_idle =
            self.passphrases_are_inner && self.has_idle_passphrases(keyring, During::Startup);
        are_idle.then(|| {
            format!(
                "{}: a passphrase would do nothing in a request that is in this section, and in \
                 that with the certificate {certificate}, whose private key needs none, and the \
                 request has no session: if there are such requests, {IDLE_INSIDE}",
                passphrases.line
            )
        })
    }
}
