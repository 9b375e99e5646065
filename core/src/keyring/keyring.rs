//! The values that a process keeps between requests: passphrases, derived keys, algorithms
//! and cipher contexts.

use std::path::Path;
use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::defaults::{DefaultCiphers, Defaults};
use crate::algorithm::derivation::CLASSIC_SALT;
use crate::algorithm::digest::Digest;
use crate::algorithm::error::AlgorithmError;
use crate::algorithm::hmac;
use crate::cache::unwrapped_keys::UnwrappedKeys;
use crate::certificate::attempts::During;
use crate::certificate::content_keys::ContentKeyCache;
use crate::certificate::identity::{Identities, Identity};
use crate::certificate::pairing::Pairs;
use crate::certificate::pairing_error::PairingError;
use crate::certificate::pairings::Pairings;
use crate::certificate::source_error::SourceError;
use crate::certificate::sources::{Source, Sources};
use crate::classic::anonymous::AnonymousTokens;
use crate::counters::counters::Counters;
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
use crate::passphrase::hour_keys::HourKeys;
use crate::passphrase::master_keys::MasterKeys;
use crate::passphrase::passphrase::{EmptyPassphrase, Passphrase};
use crate::shared_memory::SharedMemory;

/// The text that the id of a server is computed from.
const SERVER_ID_LABEL: &[u8] = b"mod_session_crypto server id";

/// All that a process keeps between requests.
///
/// A server makes a keyring each time it reads its configuration. Children inherit it, with
/// the keys that the jobs of [`Keyring::jobs`] left in it. No child can seal or open a
/// session before [`Keyring::after_fork`] has returned there.
pub struct Keyring<R = OpenSslRandom> {
    /// The first field, to be dropped before `engines`: contexts may use an engine's
    /// ciphers.
    pub(crate) contexts: ContextPool<R>,
    seed: Seed,
    pub(crate) counters: Counters,
    algorithms: Algorithms,
    sources: Sources,
    pub(crate) pairings: Pairings,
    pub(crate) passphrases: Passphrases,
    pub(crate) masters: MasterKeys,
    classic_keys: ClassicKeyCache,
    pub(crate) anonymous: AnonymousTokens,
    content_keys: ContentKeyCache,
    /// The content keys under certificates of `.htaccess` files. Their cache is apart,
    /// because an owner of a private key can make any number of content keys.
    htaccess_content_keys: ContentKeyCache,
    /// The content keys under keys of JWK Sets.
    pub(crate) unwrapped_keys: UnwrappedKeys,
    pub(crate) hour_keys: HourKeys,
    /// The last field, to be dropped last: every other field may use an engine.
    engines: Engines,
}

/// Hours for which this server recognizes its own salts: two weeks.
pub(crate) const OWN_HOURS: u64 = 336;

impl<R: Random + Clone> Keyring<R> {
    /// Most passphrases of `.htaccess` files that are kept.
    pub const MAX_FROM_HTACCESS: usize = passphrases::MAX_FROM_HTACCESS;

    /// Makes an empty keyring for this process alone, which can seal and open at once.
    ///
    /// # Errors
    ///
    /// OpenSSL lacks one of the default ciphers and digests.
    pub fn new(seed: Seed, random: R, memory: SharedMemory) -> Result<Self, AlgorithmError> {
        let keyring = Self::to_inherit(seed, random, memory)?;
        keyring.contexts.set_up();
        Ok(keyring)
    }

    /// Makes an empty keyring for processes that are forked from this one. No other keyring
    /// may use `memory` while they live.
    ///
    /// The parent has no random bytes that a child could inherit. So two children never use
    /// the same nonces, even if one of them was not set up.
    ///
    /// # Errors
    ///
    /// OpenSSL lacks one of the default ciphers and digests.
    pub fn to_inherit(seed: Seed, random: R, memory: SharedMemory) -> Result<Self, AlgorithmError> {
        Ok(Self {
            seed,
            counters: memory.counters,
            algorithms: Algorithms::new()?,
            passphrases: Passphrases::default(),
            masters: MasterKeys::new(seed.0, memory),
            sources: Sources::default(),
            pairings: Pairings::new(memory.counters),
            classic_keys: ClassicKeyCache::default(),
            anonymous: AnonymousTokens::new(memory),
            content_keys: ContentKeyCache::default(),
            htaccess_content_keys: ContentKeyCache::default(),
            unwrapped_keys: UnwrappedKeys::default(),
            engines: Engines::default(),
            hour_keys: HourKeys::default(),
            contexts: ContextPool::new(random),
        })
    }

    /// Makes an empty keyring with the same seed, and another source of nonces.
    #[cfg(test)]
    pub(crate) fn with_random<Q: Random + Clone>(&self, random: Q) -> Keyring<Q> {
        Keyring::new(self.seed, random, SharedMemory::alone()).unwrap()
    }

    /// The counters of what the server has done with sessions and keys.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Finds or makes the one value of this passphrase.
    ///
    /// # Errors
    ///
    /// The passphrase is empty.
    pub fn passphrase(
        &self,
        bytes: &[u8],
        origin: Origin,
    ) -> Result<Arc<Passphrase>, EmptyPassphrase> {
        self.passphrases.find_or_make(bytes, origin)
    }

    /// Finds a cipher by one of httpd's four names or any of OpenSSL's, in upper or lower
    /// case. If there is an engine or provider, and it has the cipher, it is used.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know the cipher, or it is neither CBC nor AES-GCM.
    pub fn cipher(&self, engine: Option<&Engine>, name: &str) -> Result<Cipher, AlgorithmError> {
        self.algorithms.cipher(engine, name)
    }

    /// Finds a digest by any of OpenSSL's names, in upper or lower case; `SHA` is SHA-1. If
    /// there is an engine or provider, and it has the digest, it is used.
    ///
    /// # Errors
    ///
    /// OpenSSL does not know the digest, or HMAC cannot use it.
    pub fn digest(&self, engine: Option<&Engine>, name: &str) -> Result<Digest, AlgorithmError> {
        self.algorithms.digest(engine, name)
    }

    /// The ciphers of a section that names none.
    pub fn default_ciphers<'c>(
        &'c self,
        engine: Option<&'c Engine>,
        which: DefaultCiphers,
    ) -> &'c [Cipher] {
        let defaults = engine.map_or(self.defaults(), |engine| &engine.defaults);
        match which {
            DefaultCiphers::Classic => &defaults.ciphers,
            DefaultCiphers::Jwe => &defaults.jwe_ciphers,
            DefaultCiphers::JweAndClassic => &defaults.both_ciphers,
        }
    }

    pub(crate) fn defaults(&self) -> &Defaults {
        self.algorithms.defaults()
    }

    /// Finds or loads an engine or a provider: `engine:NAME`, `provider:NAME`, or either of
    /// them as `NAME`.
    ///
    /// # Errors
    ///
    /// OpenSSL has neither, or a `.htaccess` file names one that the server's configuration
    /// does not name.
    pub fn engine(&self, text: &str, origin: Origin) -> Result<Arc<Engine>, EngineError> {
        self.engines.find(text, origin)
    }

    /// The engines and providers that the server's configuration uses.
    pub fn engines(&self) -> Vec<Arc<Engine>> {
        self.engines.all()
    }

    /// Reads a file with a certificate or a private key, unless its content is known.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is empty.
    pub fn file(&self, path: &Path, origin: Origin) -> Result<Source, SourceError> {
        self.sources.file(path, origin)
    }

    /// The source of a certificate or a private key behind a URI.
    pub fn uri(&self, uri: &str) -> Source {
        self.sources.uri(uri)
    }

    /// Finds the private key of each certificate.
    ///
    /// # Errors
    ///
    /// A certificate has no private key, or the key cannot be decrypted. For the author of a
    /// `.htaccess` file, the attempts are bounded too, at once and over time.
    pub fn identities(
        &self,
        pairs: Pairs<'_>,
        during: During,
    ) -> Result<Arc<Identities>, PairingError> {
        self.pairings.find(pairs, during, &self.masters)
    }

    /// Sets a child process up, which must not share contexts and random bytes with its
    /// siblings.
    pub fn after_fork(&self) {
        self.engines.after_fork();
        // The last step: the child refuses all work until the pool is set up.
        self.contexts.set_up();
    }

    /// The cache for the content keys under a certificate.
    pub(crate) fn content_keys(&self, identity: &Identity) -> &ContentKeyCache {
        match identity.origin {
            Origin::Server => &self.content_keys,
            Origin::Htaccess => &self.htaccess_content_keys,
        }
    }

    /// The key that the names of derived keys follow from.
    pub(crate) fn naming_key(&self) -> &[u8; 16] {
        &self.seed.0
    }

    /// Tells the server from all others. It stays over graceful restarts, and is no secret.
    pub fn server_id(&self) -> String {
        let id = hmac::sha256(&self.seed.0, &[SERVER_ID_LABEL]);
        URL_SAFE_NO_PAD.encode_to_string(id)
    }

    /// The salt of this server for the hour with this number.
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

    /// Forgets the keys of tokens; a child that has just started has none.
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
