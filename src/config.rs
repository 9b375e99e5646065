//! The records httpd creates and merges, and what they seal with.

use std::sync::Arc;

use session_crypto_core::{
    Cipher, Digest, Keyring, Passphrase, PassphraseList, Purpose, Sealer, Settings,
};

use crate::ffi::Pool;

/// What one section of the configuration sets; what it does not set, it
/// inherits from the section around it.
///
/// A record only refers to what the pools of its sections hold, so that one
/// can be merged on each request for next to nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct DirRecord<'p> {
    passphrases: Option<&'p PassphraseList>,
    ciphers: Option<&'p Vec<Cipher>>,
    digest: Option<&'p Digest>,
    purpose: Option<&'p Purpose>,
    refuses: bool,
}

/// What to do with the sessions of a section.
pub(crate) enum Protection<'p> {
    /// No passphrase is set here: encryption was not asked for.
    Clear,
    /// The record could not be made, or asks for what cannot be, which is what
    /// the words say: neither seal nor open anything.
    Refuse(&'static str),
    /// Seal and open.
    Seal(Sealer<'p>),
}

/// What is wrong with a section whose record could not be made.
const BROKEN: &str = "an internal error kept the section's settings from being read";

/// What is wrong with a purpose and nothing but CBC ciphers.
const PURPOSE_NEEDS_AEAD: &str = "SessionCryptoPurpose takes a cipher whose tokens can carry \
     a purpose: write 'SessionCryptoCipher aes-256-gcm', or take the purpose out";

impl<'p> DirRecord<'p> {
    /// Stands in for a record that could not be made.
    pub(crate) fn refusing() -> Self {
        Self {
            refuses: true,
            ..Self::default()
        }
    }

    /// The record of `add` inside `base`: what the inner section sets wins,
    /// each setting by itself.
    pub(crate) fn merge(base: &Self, add: &Self) -> Self {
        Self {
            passphrases: add.passphrases.or(base.passphrases),
            ciphers: add.ciphers.or(base.ciphers),
            digest: add.digest.or(base.digest),
            purpose: add.purpose.or(base.purpose),
            refuses: add.refuses || base.refuses,
        }
    }

    /// Adds passphrases to this section's list, `limit` of them at most.
    ///
    /// # Errors
    ///
    /// There are more.
    pub(crate) fn add_passphrases(
        &mut self,
        pool: Pool<'p>,
        more: Vec<Arc<Passphrase>>,
        limit: usize,
    ) -> Result<(), String> {
        let mut list = self.passphrases.cloned().unwrap_or_default();
        list.extend(more);
        if list.len() > limit {
            return Err(too_many(limit));
        }
        self.passphrases = Some(pool.place(list));
        Ok(())
    }

    /// Sets this section's list of ciphers; a later line replaces it, as in
    /// httpd's module.
    pub(crate) fn set_ciphers(&mut self, pool: Pool<'p>, ciphers: Vec<Cipher>) {
        self.ciphers = Some(pool.place(ciphers));
    }

    /// Sets this section's digest.
    pub(crate) fn set_digest(&mut self, pool: Pool<'p>, digest: Digest) {
        self.digest = Some(pool.place(digest));
    }

    /// Sets this section's purpose.
    pub(crate) fn set_purpose(&mut self, pool: Pool<'p>, purpose: Purpose) {
        self.purpose = Some(pool.place(purpose));
    }

    /// Says what is wrong with the settings of a section and all around it.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        // Without passphrases nothing is sealed here, whatever else is set.
        if self.passphrases.is_none() {
            Ok(())
        } else {
            self.check_purpose(false)
        }
    }

    /// Whether this section itself names a cipher whose tokens carry a purpose.
    pub(crate) fn lists_aead(&self) -> bool {
        self.ciphers
            .is_some_and(|ciphers| ciphers.iter().any(Cipher::is_aead))
    }

    /// Says what is wrong with a purpose under these ciphers; `open` leaves
    /// the benefit of the doubt to a section that names no cipher.
    pub(crate) fn check_purpose(&self, open: bool) -> Result<(), &'static str> {
        let carries = self
            .ciphers
            .map_or(open, |ciphers| ciphers.iter().any(Cipher::is_aead));
        if self.purpose.is_none() || carries {
            Ok(())
        } else {
            Err(PURPOSE_NEEDS_AEAD)
        }
    }

    /// What to seal and open with, if there is a passphrase.
    pub(crate) fn settings(&self, keyring: &'p Keyring) -> Option<Settings<'p>> {
        let ciphers = self
            .ciphers
            .map_or_else(|| keyring.default_ciphers(), Vec::as_slice);
        let (digest, purpose) = (self.digest, self.purpose);
        self.passphrases.map(|passphrases| Settings {
            passphrases,
            ciphers,
            digest,
            purpose,
        })
    }

    /// What this record asks for.
    pub(crate) fn protection(&self, keyring: &'p Keyring) -> Protection<'p> {
        if self.refuses {
            return Protection::Refuse(BROKEN);
        }
        if let Err(reason) = self.check() {
            return Protection::Refuse(reason);
        }
        match self.settings(keyring) {
            None => Protection::Clear,
            Some(settings) => Protection::Seal(Sealer::new(keyring, settings)),
        }
    }
}

/// A list of passphrases is longer than it may be.
pub(crate) fn too_many(limit: usize) -> String {
    format!("more than {limit} passphrases: take out those not in use")
}
