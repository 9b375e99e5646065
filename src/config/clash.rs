//! Conflicts between two sections that a request may be in at the same time.

use session_crypto_core::{During, Keyring};

use super::dir_config::{DirConfig, KEY_FILE, PURPOSE};
use super::setting_set::SettingSet;
use super::settings::IDLE_INSIDE;
use crate::message::{Code, Message};

/// A purpose meets ciphers whose tokens cannot carry it.
const PURPOSE_AND_CIPHERS: Code = Code("SC0426");

/// A key file meets ciphers that do not seal with its keys.
const KEY_FILE_AND_CIPHERS: Code = Code("SC0427");

/// A key file meets a certificate.
const KEY_FILE_AND_CERTIFICATE: Code = Code("SC0428");

/// A passphrase meets a certificate whose private key needs none.
const IDLE_PASSPHRASE: Code = Code("SC0429");

/// The settings that do not go together with a key file.
const AGAINST_KEY_FILES: SettingSet = SettingSet::CERTIFICATES.and(SettingSet::CIPHERS);

impl DirConfig<'_> {
    /// Whether this section sets one half of a conflict.
    pub(crate) fn may_clash(&self) -> bool {
        self.purpose.is_some() || self.passphrases.is_some() || self.key_file().is_some()
    }

    /// Whether the other section sets the other half.
    pub(crate) fn may_clash_with(&self, other: &Self) -> bool {
        (self.purpose.is_some() && other.ciphers.is_some())
            || (self.passphrases.is_some() && other.certificates.is_some())
            || (self.key_file().is_some() && other.sets().meets(AGAINST_KEY_FILES))
    }

    /// Describes the conflict between two sections; `self` has the settings of both
    /// and of all sections around them.
    pub(crate) fn clash(&self, keyring: &Keyring, one: &Self, other: &Self) -> Option<Message> {
        if !self.has_secrets() {
            return None;
        }
        if let (Some(purpose), Some(ciphers)) = (one.purpose, other.ciphers) {
            if self.check_purpose(keyring).is_err() {
                return Some(PURPOSE_AND_CIPHERS.says(format!(
                    "{}: {PURPOSE}: a request that is in this section, and in that with the \
                     ciphers {}, has no cipher whose tokens can carry a purpose, and no session: \
                     if there are such requests, write 'SessionCryptoCipher aes-256-gcm' there as \
                     well",
                    purpose.line,
                    ciphers.line()
                )));
            }
        }
        if let (Some(file), None) = (one.key_file_line(), self.first_certificate()) {
            let ciphers = other.ciphers?;
            let seals = self.check_key_file(ciphers.get(keyring, self.engine()).ok()?);
            return seals.is_err().then(|| {
                KEY_FILE_AND_CIPHERS.says(format!(
                    "{}: {KEY_FILE}: a request that is in this section, and in that with the \
                     ciphers {}, has no cipher that seals with its keys, and no session: if there \
                     are such requests, write 'SessionCryptoCipher aes-256-gcm' there as well",
                    file.line,
                    ciphers.line()
                ))
            });
        }
        if let (Some(file), Some((certificate, _))) =
            (one.key_file_line(), other.first_certificate())
        {
            return Some(KEY_FILE_AND_CERTIFICATE.says(format!(
                "{}: {KEY_FILE}: a request that is in this section, and in that with the \
                 certificate {certificate}, has both, and no session: if there are such requests, \
                 take one of the two out, or move it into sections that do not meet",
                file.line
            )));
        }
        let (passphrases, (certificate, _)) = (one.passphrases?, other.first_certificate()?);
        let are_idle =
            self.passphrases_are_inner && self.has_idle_passphrases(keyring, During::Startup);
        are_idle.then(|| {
            IDLE_PASSPHRASE.says(format!(
                "{}: a passphrase would do nothing in a request that is in this section, and in \
                 that with the certificate {certificate}, whose private key needs none, and the \
                 request has no session: if there are such requests, {IDLE_INSIDE}",
                passphrases.line
            ))
        })
    }
}
