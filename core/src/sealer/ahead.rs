//! Keys that are derived before a request needs them.

use std::sync::{Arc, PoisonError};

use crate::algorithm::derivation::{ClassicKey, KEY_LENGTH};
use crate::algorithm::digest::Digest;
use crate::error::LibraryError;
use crate::keyring::hour;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::Random;
use crate::passphrase::classic_keys::ClassicKeyId;
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::sealer::Sealer;
use crate::sealer::settings::Settings;

impl<R: Random + Clone> Keyring<R> {
    /// Most keys that a child derives before it serves, at a millisecond or two each.
    pub const MAX_AGAIN: usize = 16;

    /// Derives the keys that a section needs at a Unix time in seconds, before a request
    /// needs them. The parent calls this before the children fork.
    ///
    /// Returns how many keys it derived. The master keys of JWE take longer, so it only
    /// notes them for [`Keyring::master_jobs`].
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive_for(&self, settings: Settings<'_>, now: u64) -> Result<usize, LibraryError> {
        let sealer = Sealer::new(self, settings);
        let mut count: usize = 0;
        if sealer.section.jwe_ciphers().next().is_some() {
            count = sealer.with_scheme(|scheme| scheme.ahead(now))?;
        }
        let passphrases = settings.secrets.passphrases();
        if let (true, Some(passphrase)) = (
            sealer.section.seals_classic(),
            passphrases.and_then(PassphraseList::first),
        ) {
            let digest = sealer.section.classic_digest();
            self.note_hourly(passphrase, digest);
            count = count.saturating_add(usize::from(self.derive_hour(passphrase, digest, now)?));
        }
        Ok(count)
    }

    /// Derives the classic keys of the hour for all sections that [`Keyring::derive_for`]
    /// was called with, at most [`Keyring::MAX_AGAIN`]. It is for a child that starts in a
    /// later hour than its parent.
    ///
    /// Returns how many keys it derived. The others are derived by the first request that
    /// needs them.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive_again(&self, now: u64) -> Result<usize, LibraryError> {
        let hourly = self.hourly.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count: usize = 0;
        for (passphrase, digest) in hourly.iter().take(Self::MAX_AGAIN) {
            count = count.saturating_add(usize::from(self.derive_hour(passphrase, digest, now)?));
        }
        Ok(count)
    }

    fn note_hourly(&self, passphrase: &Arc<Passphrase>, digest: &Digest) {
        let mut hourly = self.hourly.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(known, with): &(Arc<Passphrase>, Digest)| {
            Arc::ptr_eq(known, passphrase) && with.id() == digest.id()
        };
        if !hourly.iter().any(is_it) {
            hourly.push((passphrase.clone(), digest.clone()));
        }
    }

    /// Derives the classic key of an hour unless it is at hand; returns whether it did.
    fn derive_hour(
        &self,
        passphrase: &Passphrase,
        digest: &Digest,
        now: u64,
    ) -> Result<bool, LibraryError> {
        let id = ClassicKeyId {
            passphrase: passphrase.id(),
            digest: digest.id(),
            length: KEY_LENGTH,
            salt: self.salt(hour::hour(now)),
        };
        let slot = self.sealing_slot(&id, passphrase);
        let derive = || ClassicKey::derive(passphrase.secret(), digest, &id.salt, id.length);
        slot.get(derive).map(|key| key.is_new)
    }
}
