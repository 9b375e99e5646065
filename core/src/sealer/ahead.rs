//! Keys that are derived before a request needs them.

use std::num::NonZeroUsize;

use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey, KEY_LENGTH};
use crate::algorithm::digest::Digest;
use crate::counters::event::Event;
use crate::error::LibraryError;
use crate::keyring::hour;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::Random;
use crate::passphrase::classic_keys::ClassicKeyId;
use crate::passphrase::hour_keys::Priority;
use crate::passphrase::key_job::KeyJob;
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::sealer::Sealer;
use crate::sealer::settings::Settings;

/// The keys under passphrases that a configuration needs.
pub struct Jobs {
    /// The keys that are to be there before the children fork.
    pub open: Vec<KeyJob>,
    /// The number of classic keys that wait for the first request that needs them.
    pub waiting: usize,
}

impl<R: Random + Clone> Keyring<R> {
    /// Most classic keys that one processor of the parent derives, at a millisecond or two
    /// each: about 50 milliseconds, in which nobody is served. A digest of an engine or
    /// provider keeps all processors waiting, and counts for each of them.
    ///
    /// A key that waits costs the first request of its hour as much in each child as it
    /// costs there in each later hour.
    pub const MAX_AHEAD: usize = 32;

    /// Most keys that a child derives before it serves.
    pub const MAX_AGAIN: usize = 16;

    /// Makes the keys under certificates that a section needs at a Unix time in seconds, and
    /// notes its keys under passphrases for [`Keyring::jobs`]. The parent calls this before
    /// the children fork.
    ///
    /// Returns how many keys it made.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn prepare(
        &self,
        settings: Settings<'_>,
        priority: Priority,
        now: u64,
    ) -> Result<usize, LibraryError> {
        let sealer = Sealer::new(self, settings);
        self.note_keys(settings);
        let mut count = 0;
        if sealer.section.jwe_ciphers().next().is_some() {
            count = sealer.with_scheme(|scheme| scheme.ahead(now))?;
        }
        let passphrases = settings.secrets.passphrases();
        if let (true, Some(passphrase)) = (
            sealer.section.seals_classic(),
            passphrases.and_then(PassphraseList::first),
        ) {
            let digest = sealer.section.classic_digest();
            self.hour_keys.note(passphrase, digest, priority);
        }
        Ok(count)
    }

    /// Hands over jobs for the keys that [`Keyring::prepare`] noted, the master keys first,
    /// and each of these once. The classic keys are those of the hour of a Unix time in
    /// seconds, as many as `processors` derive in time. The caller has all jobs done before
    /// the children fork.
    pub fn jobs(&self, now: u64, processors: NonZeroUsize) -> Jobs {
        let mut open = self.masters.jobs();
        let salt = self.salt(hour::hour(now));
        let mut waiting: usize = 0;
        let mut left = Self::MAX_AHEAD.saturating_mul(processors.get());
        for (passphrase, digest) in self.hour_keys.first(usize::MAX) {
            let cost = match digest.is_supplied() {
                true => processors.get(),
                false => 1,
            };
            let Some(rest) = left.checked_sub(cost) else {
                waiting = waiting.saturating_add(1);
                continue;
            };
            left = rest;
            let slot = self.sealing_slot(&hour_key_id(&passphrase, &digest, salt), &passphrase);
            let key = (passphrase, digest);
            open.push(KeyJob::classic(
                key,
                salt,
                slot,
                (self.naming_key(), self.counters),
            ));
        }
        Jobs { open, waiting }
    }

    /// Derives the classic keys of the hour for the sections that [`Keyring::prepare`] was
    /// called with, at most [`Keyring::MAX_AGAIN`]. It is for a child that starts in a later
    /// hour than its parent.
    ///
    /// Returns how many keys it derived. The others are derived by the first request that
    /// needs them.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive_again(&self, now: u64) -> Result<usize, LibraryError> {
        let salt = self.salt(hour::hour(now));
        let mut count: usize = 0;
        for (passphrase, digest) in self.hour_keys.first(Self::MAX_AGAIN) {
            let id = hour_key_id(&passphrase, &digest, salt);
            let slot = self.sealing_slot(&id, &passphrase);
            let derive = || ClassicKey::derive(passphrase.secret(), &digest, &salt, id.length);
            if slot.get(derive)?.is_new {
                self.counters.count(Event::Derivation, 0);
                count = count.saturating_add(1);
            }
        }
        Ok(count)
    }
}

/// The id of the classic key of an hour, by the hour's salt.
fn hour_key_id(passphrase: &Passphrase, digest: &Digest, salt: [u8; CLASSIC_SALT]) -> ClassicKeyId {
    ClassicKeyId {
        passphrase: passphrase.id(),
        digest: digest.id(),
        length: KEY_LENGTH,
        salt,
    }
}
