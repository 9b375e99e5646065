//! The records httpd creates and merges, and what they seal with.

use std::sync::Arc;

use session_crypto_core::{Cipher, Digest, Keyring, Origin, Passphrase, Sealer};

use crate::ffi::Pool;

/// What one section of the configuration sets; what it does not set, it
/// inherits from the section around it.
///
/// A record only refers to what the pools of its sections hold, so that one
/// can be merged on each request for next to nothing.
#[derive(Clone, Copy, Default)]
pub(crate) struct DirRecord<'p> {
    passphrases: Option<&'p Vec<Arc<Passphrase>>>,
    ciphers: Option<&'p Vec<Cipher>>,
    digest: Option<&'p Digest>,
    refuses: bool,
}

/// What to do with the sessions of a section.
pub(crate) enum Protection<'p> {
    /// No passphrase is set here: encryption was not asked for.
    Clear,
    /// The record could not be made: neither seal nor open anything.
    Refuse,
    /// Seal and open.
    Seal(Sealer<'p>),
}

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
            refuses: add.refuses || base.refuses,
        }
    }

    /// Adds passphrases to this section's list.
    pub(crate) fn add_passphrases(
        &mut self,
        pool: Pool<'p>,
        keyring: &Keyring,
        origin: Origin,
        more: Vec<Arc<Passphrase>>,
    ) {
        let mut list = self.passphrases.cloned().unwrap_or_default();
        list.extend(more);
        if let (Origin::Server, Some(first)) = (origin, list.first()) {
            keyring.seals_under(first);
        }
        self.passphrases = Some(pool.place(list));
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

    /// What this record asks for.
    pub(crate) fn protection(&self, keyring: &'p Keyring) -> Protection<'p> {
        match self.passphrases {
            _ if self.refuses => Protection::Refuse,
            None => Protection::Clear,
            Some(passphrases) => Protection::Seal(Sealer::new(
                keyring,
                passphrases,
                self.ciphers
                    .map_or_else(|| keyring.default_ciphers(), Vec::as_slice),
                self.digest.unwrap_or_else(|| keyring.default_digest()),
            )),
        }
    }
}
