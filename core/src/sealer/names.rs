//! The counters of the keys of a configuration: their names.

use std::borrow::Cow;

use base64_simd::URL_SAFE_NO_PAD;

use crate::counters::key::{CountedKey, KeyCounter, SecretKind};
use crate::error::LibraryError;
use crate::fingerprint::Fingerprint;
use crate::key_set::key_set::KeySet;
use crate::key_set::set_key::SetKey;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::Random;
use crate::passphrase::key_job::KeyJob;
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::settings::{Secrets, Settings};

impl<R: Random + Clone> Keyring<R> {
    /// Names a passphrase of the server's configuration by the place where it stands: a
    /// file and a line. Its first name counts.
    ///
    /// The passphrase keeps its counts over restarts, also at another place.
    pub fn name_passphrase(&self, passphrase: &Passphrase, place: &str) {
        let counter = &passphrase.counter;
        if counter.load() > KeyCounter::HTACCESS {
            return;
        }
        let key = CountedKey {
            kind: SecretKind::Passphrase,
            identity: passphrase.identity(self.naming_key()),
            kid: None,
            place,
        };
        counter.store(self.counters.key(&key, self.counters.configured_at()));
    }

    /// Notes the JWE key id of a passphrase, once the job of its master key is done. A later
    /// call replaces the id.
    ///
    /// # Errors
    ///
    /// OpenSSL fails to expand a key. If it had no memory for HKDF as httpd started, it has no
    /// HKDF until the process ends (`docs/architecture.md`).
    pub fn note_key_id(&self, job: &KeyJob) -> Result<(), LibraryError> {
        if let Some(key_id) = job.key_id()? {
            let kid = URL_SAFE_NO_PAD.encode_to_string(key_id);
            self.counters.note_kid(job.counter(), &kid);
        }
        Ok(())
    }

    /// Names the keys of a set, which is read from `place` at a Unix time in seconds. The
    /// parent calls this before children get the set.
    pub fn name_keys(&self, keys: &KeySet, place: &str, now: u64) {
        let shown = without_arguments(place);
        for key in keys.keys() {
            let name = CountedKey {
                kind: SecretKind::Set,
                identity: identity(key, place),
                kid: Some(key.id().as_str()),
                place: &shown,
            };
            key.counter.store(self.counters.key(&name, now));
        }
    }

    /// Finds the counters of the keys of a set, which the parent has named.
    pub fn find_keys(&self, keys: &KeySet, place: &str) {
        for key in keys.keys() {
            key.counter.store(self.counters.find(identity(key, place)));
        }
    }

    /// Notes that the keys of a set are replaced by those of another one from the same
    /// place, which are named.
    pub fn release_keys(&self, former: &KeySet, keys: &KeySet) {
        let is_gone = |key: &&SetKey| keys.by_id(key.id()).is_none();
        for key in former.keys().filter(is_gone) {
            self.counters.release(key.counter.load());
        }
    }

    /// Notes the keys of a section: those that open, and the one that seals. The dates of a
    /// JWK Set tell it for its keys.
    pub(super) fn note_keys(&self, settings: Settings<'_>) {
        let passphrases = settings.secrets.passphrases();
        for passphrase in passphrases.into_iter().flat_map(PassphraseList::iter) {
            passphrase.note_opens();
        }
        let seals = match settings.secrets {
            Secrets::Passphrases(list) => list.first().map(|first| first.counter.load()),
            Secrets::Certificates(list) => list.first().map(|first| first.counter),
            Secrets::KeySet { .. } => None,
        };
        if let Some(key) = seals {
            self.counters.note_sealing(key);
        }
    }

    /// Releases the passphrases that only open private keys. The parent calls this when
    /// [`Keyring::prepare`] has been called for all sections.
    pub fn release_private_passphrases(&self) {
        for passphrase in self.passphrases.all() {
            if !passphrase.opens() {
                self.counters.release(passphrase.counter.load());
            }
        }
    }
}

impl Settings<'_> {
    /// The counters of the secrets of a section, in the order in which they are tried. The
    /// keyring must know the names of the secrets.
    pub fn key_counters(&self) -> Vec<KeyCounter> {
        let mut counters: Vec<_> = match self.secrets {
            Secrets::Passphrases(_) => Vec::new(),
            Secrets::Certificates(list) => list.iter().map(|one| one.counter).collect(),
            Secrets::KeySet { keys, .. } => keys.keys().map(SetKey::counter).collect(),
        };
        let passphrases = self.secrets.passphrases().into_iter();
        let passphrases = passphrases.flat_map(PassphraseList::iter);
        counters.extend(passphrases.map(|passphrase| passphrase.counter.load()));
        counters
    }
}

/// A place without the arguments of a program, in which there may be a secret.
fn without_arguments(place: &str) -> Cow<'_, str> {
    let is_program = place.starts_with("exec:");
    match place.split_once(char::is_whitespace) {
        Some((program, _)) if is_program => format!("{program} ...").into(),
        _ => place.into(),
    }
}

/// Tells a key of a set from all others that are counted.
fn identity(key: &SetKey, place: &str) -> Fingerprint {
    let parts = ["set", key.id().as_str(), place];
    Fingerprint::of(parts.map(str::as_bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_of_a_program_are_not_shown() {
        for (place, shown) in [
            ("exec:/bin/vault --token=S3cr3t", "exec:/bin/vault ..."),
            ("exec:/bin/vault\tS3cr3t", "exec:/bin/vault ..."),
            ("exec:/bin/vault", "exec:/bin/vault"),
            ("/etc/a file line 3", "/etc/a file line 3"),
        ] {
            assert_eq!(without_arguments(place), shown);
        }
    }
}
