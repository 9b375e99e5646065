//! What a process keeps between requests: passphrases, derived keys,
//! algorithms, and the contexts to use them at.

use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::algorithm::cipher::Cipher;
use crate::algorithm::defaults::Defaults;
use crate::algorithm::derivation::CLASSIC_SALT;
use crate::algorithm::digest::Digest;
use crate::algorithm::error::AlgorithmError;
use crate::certificate::attempts::Asked;
use crate::certificate::content_keys::ContentKeyCache;
use crate::certificate::identity::{Identities, Identity};
use crate::certificate::pairing::Pairs;
use crate::certificate::pairing_error::PairingError;
use crate::certificate::pairings::Pairings;
use crate::certificate::source_error::SourceError;
use crate::certificate::sources::{Source, Sources};
use crate::classic::anonymous::AnonymousTokens;
use crate::engine::engine::{Engine, EngineError, Engines};
use crate::keyring::algorithms::Algorithms;
use crate::keyring::contexts::ContextPool;
use crate::keyring::hour::{self, Seed};
use crate::keyring::passphrases::{self, Passphrases};
use crate::keyring::random::{OpenSslRandom, Random};
use crate::origin::Origin;
use crate::passphrase::classic_keys::{
    CachedClassicSlot, ClassicKeyCache, ClassicKeyId, ClassicKeySlot, SealingKey,
};
use crate::passphrase::master_keys::{MasterJob, MasterKeys};
use crate::passphrase::passphrase::{EmptyPassphrase, Passphrase};
use crate::shared_memory::SharedMemory;

/// What a process keeps between requests.
///
/// A server makes one for each reading of its configuration. Children inherit
/// it, with the keys that [`Keyring::derive_for`] left in it, and none of them can
/// seal or open anything before [`Keyring::after_fork`] has come to its end there.
pub struct Keyring<R = OpenSslRandom> {
    /// Goes first: what is set up here may be an engine's.
    pub(crate) contexts: ContextPool<R>,
    seed: Seed,
    algorithms: Algorithms,
    sources: Sources,
    pub(crate) pairings: Pairings,
    passphrases: Passphrases,
    pub(crate) masters: MasterKeys,
    classic_keys: ClassicKeyCache,
    pub(crate) anonymous: AnonymousTokens,
    content_keys: ContentKeyCache,
    /// The content keys under certificates of `.htaccess` files. Their cache is apart,
    /// because an owner of a private key can make any number of content keys.
    htaccess_content_keys: ContentKeyCache,
    /// The passphrases and digests that seal in the classic format, and so need a key each
    /// hour.
    pub(crate) hourly: Mutex<Vec<(Arc<Passphrase>, Digest)>>,
    /// Goes last: everything else may be an engine's.
    engines: Engines,
}

/// Hours back to which this server knows its own salts: two weeks.
pub(crate) const OWN_HOURS: u64 = 336;

impl<R: Random + Clone> Keyring<R> {
    /// Most passphrases of `.htaccess` files that are kept.
    pub const MAX_FROM_HTACCESS: usize = passphrases::MAX_FROM_HTACCESS;

    /// Makes an empty keyring for this process alone, which seals and opens at
    /// once.
    ///
    /// # Errors
    ///
    /// This OpenSSL lacks AES-256-CBC or SHA-1, which stand for none.
    pub fn new(seed: Seed, random: R, memory: SharedMemory) -> Result<Self, AlgorithmError> {
        let keyring = Self::to_inherit(seed, random, memory)?;
        keyring.contexts.set_up();
        Ok(keyring)
    }

    /// Makes an empty keyring for processes that are forked from this one, over
    /// memory that is its own for as long as they live.
    ///
    /// Whatever keeps a process from being set up, it does not go on with
    /// another's random bytes: in the parent there are none that it could inherit.
    ///
    /// # Errors
    ///
    /// As those of [`Keyring::new`].
    pub fn to_inherit(seed: Seed, random: R, memory: SharedMemory) -> Result<Self, AlgorithmError> {
        Ok(Self {
            seed,
            algorithms: Algorithms::new()?,
            passphrases: Passphrases::default(),
            masters: MasterKeys::new(seed.0, memory),
            sources: Sources::default(),
            pairings: Pairings::default(),
            classic_keys: ClassicKeyCache::default(),
            anonymous: AnonymousTokens::new(memory),
            content_keys: ContentKeyCache::default(),
            htaccess_content_keys: ContentKeyCache::default(),
            engines: Engines::default(),
            hourly: Mutex::default(),
            contexts: ContextPool::new(random),
        })
    }

    /// An empty keyring with the same defaults, and another source of nonces.
    #[cfg(test)]
    pub(crate) fn with_random<Q: Random + Clone>(&self, random: Q) -> Keyring<Q> {
        Keyring::new(self.seed, random, SharedMemory::alone()).unwrap()
    }

    /// Finds or makes the one value of this passphrase.
    ///
    /// # Errors
    ///
    /// It is empty.
    pub fn passphrase(
        &self,
        bytes: &[u8],
        origin: Origin,
    ) -> Result<Arc<Passphrase>, EmptyPassphrase> {
        self.passphrases.find_or_make(bytes, origin)
    }

    /// Finds a cipher by one of httpd's four names or any of OpenSSL's, in
    /// any case; that of an engine or provider, if there is one and it has it.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know it, or it is neither CBC nor AES-GCM.
    pub fn cipher(&self, engine: Option<&Engine>, name: &str) -> Result<Cipher, AlgorithmError> {
        self.algorithms.cipher(engine, name)
    }

    /// Finds a digest by any of OpenSSL's names, in any case; `SHA` is SHA-1.
    /// That of an engine or provider, if there is one and it has it.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know it, or HMAC cannot use it.
    pub fn digest(&self, engine: Option<&Engine>, name: &str) -> Result<Digest, AlgorithmError> {
        self.algorithms.digest(engine, name)
    }

    /// The ciphers of a section that names none: `aes256`, or with a
    /// certificate the same in a mode that JWE has.
    pub fn default_ciphers<'c>(
        &'c self,
        engine: Option<&'c Engine>,
        has_certificate: bool,
    ) -> &'c [Cipher] {
        let defaults = engine.map_or(self.defaults(), |engine| &engine.defaults);
        if has_certificate {
            &defaults.certificate_ciphers
        } else {
            &defaults.ciphers
        }
    }

    pub(crate) fn defaults(&self) -> &Defaults {
        self.algorithms.defaults()
    }

    /// Finds or loads what `engine:NAME`, `provider:NAME` or `NAME` stands for.
    ///
    /// # Errors
    ///
    /// OpenSSL has neither, or a `.htaccess` file asks for what the server's
    /// configuration does not.
    pub fn engine(&self, text: &str, origin: Origin) -> Result<Arc<Engine>, EngineError> {
        self.engines.find(text, origin)
    }

    /// The engines and providers that the server's configuration uses.
    pub fn engines(&self) -> Vec<Arc<Engine>> {
        self.engines.all()
    }

    /// Reads a file with a certificate or a private key, unless its content is
    /// known.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is empty.
    pub fn file(&self, path: &Path, origin: Origin) -> Result<Source, SourceError> {
        self.sources.file(path, origin)
    }

    /// Names a certificate or a private key behind a URI.
    pub fn uri(&self, uri: &str) -> Source {
        self.sources.uri(uri)
    }

    /// Finds the private key of every certificate.
    ///
    /// # Errors
    ///
    /// There is none for one of them, or it does not open; or the author of a
    /// `.htaccess` file asks for more than is allowed at once, or now.
    pub fn identities(
        &self,
        pairs: Pairs<'_>,
        asked: Asked,
    ) -> Result<Arc<Identities>, PairingError> {
        self.pairings.find(pairs, asked, &self.masters)
    }

    /// Hands over the master keys that [`Keyring::derive_for`] noted, each once:
    /// to be restored or derived before the children fork.
    pub fn master_jobs(&self) -> Vec<MasterJob> {
        self.masters.jobs()
    }

    /// Sets a child process up, with nothing that it must not share with its
    /// siblings.
    pub fn after_fork(&self) {
        self.engines.after_fork();
        // Last: until then, the child refuses.
        self.contexts.set_up();
    }

    /// The cache for the content keys under a certificate.
    pub(crate) fn content_keys(&self, identity: &Identity) -> &ContentKeyCache {
        if identity.is_visitor {
            &self.htaccess_content_keys
        } else {
            &self.content_keys
        }
    }

    pub(crate) fn salt(&self, hour: u64) -> [u8; CLASSIC_SALT] {
        hour::salt(&self.seed, hour)
    }

    /// The slot of a key that seals, derived or not. The passphrase keeps it during the
    /// hour, so a flood of other keys cannot push it out of the cache.
    pub(crate) fn sealing_slot(
        &self,
        id: &ClassicKeyId,
        passphrase: &Passphrase,
    ) -> ClassicKeySlot {
        passphrase.sealing.find(id).unwrap_or_else(|| {
            let slot = self.classic_keys.take(id).unwrap_or_default();
            let new = SealingKey { id: *id, slot };
            let (slot, replaced) = passphrase.sealing.set(new);
            // This is the key of the last hour, whose tokens are about to come back.
            if let Some(SealingKey { id, slot }) = replaced {
                self.classic_keys.keep(id, slot);
            }
            slot
        })
    }

    /// The slot of a token's key, if the key is at hand or being derived.
    pub(crate) fn token_slot(
        &self,
        id: &ClassicKeyId,
        passphrase: &Passphrase,
    ) -> Option<CachedClassicSlot> {
        let sealing = passphrase.sealing.find(id).map(|slot| CachedClassicSlot {
            slot,
            on_trial: false,
        });
        sealing.or_else(|| self.classic_keys.look_up(id))
    }

    /// A slot on trial for a token's key, which is about to be derived.
    pub(crate) fn slot_on_trial(&self, id: &ClassicKeyId) -> CachedClassicSlot {
        self.classic_keys.try_out(id)
    }

    /// Keeps the slot of a token that was worth its derivation.
    pub(crate) fn keep_slot(&self, id: &ClassicKeyId, slot: &ClassicKeySlot) {
        self.classic_keys.keep(*id, slot.clone());
    }

    /// Forgets the keys of tokens, as a child that was just started has none.
    #[cfg(test)]
    pub(crate) fn forget_keys(&self) {
        self.contexts.set_up();
        self.classic_keys.clear();
    }

    #[cfg(test)]
    pub(crate) fn cached_keys(&self) -> usize {
        self.classic_keys.len()
    }

    /// Whether this server has made a salt, up to [`OWN_HOURS`] ago.
    pub(crate) fn is_own_salt(&self, salt: &[u8; CLASSIC_SALT], now: u64) -> bool {
        let hour = hour::hour(now);
        let hours = hour.saturating_sub(OWN_HOURS)..=hour;
        hours.rev().any(|hour| self.salt(hour) == *salt)
    }
}
