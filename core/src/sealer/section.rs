//! One section of a configuration, with the keyring that has its keys.

use std::num::NonZeroUsize;

use zeroize::Zeroizing;

use crate::algorithm::cipher::{Cipher, Format};
use crate::algorithm::defaults::Defaults;
use crate::algorithm::digest::Digest;
use crate::counters::key::{CountedAs, KeyEvent};
use crate::error::LibraryError;
use crate::jwe::contexts::KeySource;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::{Random, RandomBlock};
use crate::passphrase::allowance::Payer;
use crate::sealer::call::Now;
use crate::sealer::settings::{Secrets, Settings};
use crate::secret::marks;

/// The settings of a section, with defaults for those that it leaves out.
pub(super) struct Section<'c, R> {
    pub(super) keyring: &'c Keyring<R>,
    pub(super) settings: Settings<'c>,
    /// The payer for master keys that a request needs.
    pub(super) payer: Payer,
}

impl<R: Random + Clone> Section<'_, R> {
    /// The ciphers of the classic format, each with its position in the whole list and its
    /// block size.
    pub(super) fn classic_ciphers(&self) -> impl Iterator<Item = (usize, &Cipher, NonZeroUsize)> {
        let ciphers = self.settings.ciphers.iter().enumerate();
        ciphers.filter_map(|(index, cipher)| match cipher.format() {
            Format::Classic { block_size } => Some((index, cipher, block_size)),
            Format::Jwe { .. } => None,
        })
    }

    /// Whether a cipher of this section gives JWE.
    pub(super) fn has_jwe(&self) -> bool {
        self.settings.ciphers.iter().any(Cipher::is_aead)
    }

    /// The ciphers of JWE, each with its position in the whole list and its `enc` (RFC
    /// 7518, section 5.1).
    pub(super) fn jwe_ciphers(&self) -> impl Iterator<Item = (usize, &Cipher, &'static str)> {
        let ciphers = self.settings.ciphers.iter().enumerate();
        ciphers.filter_map(|(index, cipher)| match cipher.format() {
            Format::Jwe { enc } => Some((index, cipher, enc)),
            Format::Classic { .. } => None,
        })
    }

    pub(super) fn jwe_digest(&self) -> &Digest {
        self.settings.digest.unwrap_or(&self.defaults().jwe_digest)
    }

    /// Whether new sessions are sealed in the classic format.
    pub(super) fn seals_classic(&self) -> bool {
        let first = self.settings.ciphers.first();
        first.is_some_and(|cipher| !cipher.is_aead())
            && matches!(self.settings.secrets, Secrets::Passphrases(_))
    }

    pub(super) fn classic_digest(&self) -> &Digest {
        self.settings
            .digest
            .unwrap_or(&self.defaults().classic_digest)
    }

    /// Draws a content key for a cipher.
    pub(super) fn draw_key(
        &self,
        cipher: &Cipher,
        random: &mut RandomBlock<R>,
    ) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
        let bytes = Zeroizing::new(random.take::<32>()?);
        let mut key = Zeroizing::new(bytes.to_vec());
        key.truncate(cipher.key_length());
        marks::hide(&mut key);
        Ok(key)
    }

    /// The source of the content keys from a secret, by its id, for a cipher.
    pub(super) fn key_source(&self, secret: u64, cipher: &Cipher) -> KeySource {
        KeySource {
            secret,
            digest: self.jwe_digest().id(),
            cipher: cipher.id(),
        }
    }

    /// Counts a session that was sealed.
    #[inline]
    pub(super) fn count_sealed(&self, token: CountedAs, now: Now) {
        let counters = &self.keyring.counters;
        counters.count_token(token, KeyEvent::Sealed, now.seconds, now.processor);
    }

    /// Counts a token that was opened.
    #[inline]
    pub(super) fn count_opened(&self, token: CountedAs, now: Now) {
        let counters = &self.keyring.counters;
        counters.count_token(token, KeyEvent::Opened, now.seconds, now.processor);
    }

    pub(super) fn defaults(&self) -> &Defaults {
        match self.settings.engine {
            Some(engine) => &engine.defaults,
            None => self.keyring.defaults(),
        }
    }
}
