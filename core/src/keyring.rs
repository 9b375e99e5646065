//! What a process keeps between requests: passphrases, derived keys,
//! algorithms, and the benches to use them at.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::algorithm_error::AlgorithmError;
use crate::algorithms::Algorithms;
use crate::anonymous::Anonymous;
use crate::attempts::Asked;
use crate::cipher::Cipher;
use crate::defaults::Defaults;
use crate::derivation::{CLASSIC_SALT, ClassicKey, KEY_LENGTH};
use crate::digest::Digest;
use crate::engine::{Engine, EngineError, Engines};
use crate::error::LibraryError;
use crate::hour::{self, Seed};
use crate::identity::{Identities, Identity};
use crate::key_cache::{ClassicKeys, ContentKeys, FoundKey, KeyName, SharedKey};
use crate::master_keys::{MasterJob, Masters};
use crate::origin::Origin;
use crate::pairing::{PairingError, Pairings, Pairs};
use crate::passphrase::{EmptyPassphrase, Passphrase, PassphraseList, SealingKey};
use crate::random::{OpenSslRandom, Random};
use crate::sealer::{Keys, Sealer, Settings};
use crate::shared_memory::SharedMemory;
use crate::sources::{Source, SourceError, Sources};
use crate::workbench::Workbenches;

/// What a process keeps between requests.
///
/// A server makes one for each reading of its configuration. Children inherit
/// it, with the keys that [`Keyring::derive_for`] left in it, and none of them can
/// seal or open anything before [`Keyring::after_fork`] has come to its end there.
pub struct Keyring<R = OpenSslRandom> {
    /// Goes first: what is set up here may be an engine's.
    pub(crate) benches: Workbenches<R>,
    seed: Seed,
    algorithms: Algorithms,
    sources: Sources,
    pub(crate) pairings: Pairings,
    passphrases: Mutex<Passphrases>,
    hasher: RandomState,
    next_id: AtomicU64,
    pub(crate) masters: Masters,
    keys: ClassicKeys,
    pub(crate) anonymous: Anonymous,
    content_keys: ContentKeys,
    /// Those of certificates that `.htaccess` files name: whoever has the private
    /// key makes as many as he likes.
    visitors_content_keys: ContentKeys,
    /// What seals in the classic format, and so needs a key each hour.
    hourly: Mutex<Vec<(Arc<Passphrase>, Digest)>>,
    /// Goes last: everything else may be an engine's.
    engines: Engines,
}

/// Hours back to which this server knows its own salts: two weeks.
pub(crate) const OWN_HOURS: u64 = 336;

#[derive(Default)]
struct Passphrases {
    known: HashMap<Fingerprint, Known>,
    /// Counts look-ups, to tell which visitor has not been seen for longest.
    clock: u64,
    visitors: usize,
}

struct Known {
    passphrase: Arc<Passphrase>,
    origin: Origin,
    seen: u64,
}

/// Under a key that nobody knows, so that nobody makes two alike on purpose.
type Fingerprint = u64;

impl<R: Random + Clone> Keyring<R> {
    /// How many passphrases of `.htaccess` files are kept.
    pub const MAX_VISITORS: usize = 1024;

    /// How many keys a child derives before it serves, at a millisecond or two
    /// each.
    pub const MAX_AGAIN: usize = 16;

    /// Makes an empty keyring for this process alone, which seals and opens at
    /// once.
    ///
    /// # Errors
    ///
    /// This OpenSSL lacks AES-256-CBC or SHA-1, which stand for none.
    pub fn new(seed: Seed, random: R, memory: SharedMemory) -> Result<Self, AlgorithmError> {
        let keyring = Self::to_inherit(seed, random, memory)?;
        keyring.benches.set_up();
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
            passphrases: Mutex::default(),
            hasher: RandomState::new(),
            next_id: AtomicU64::new(0),
            masters: Masters::new(seed, memory),
            sources: Sources::default(),
            pairings: Pairings::default(),
            keys: ClassicKeys::default(),
            anonymous: Anonymous::new(memory),
            content_keys: ContentKeys::default(),
            visitors_content_keys: ContentKeys::default(),
            engines: Engines::default(),
            hourly: Mutex::default(),
            benches: Workbenches::new(random),
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
        let fingerprint = self.hasher.hash_one(bytes);
        let mut passphrases = self
            .passphrases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = passphrases.find(fingerprint, bytes, origin) {
            return Ok(known);
        }
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let passphrase = Arc::new(Passphrase::new(bytes, id)?);
        passphrases.add(fingerprint, &passphrase, origin, Self::MAX_VISITORS);
        Ok(passphrase)
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

    /// Derives the keys that these settings seal and open with at a Unix time
    /// in seconds, so that no request has to: in the parent, before the
    /// children fork. Returns how many it derived; the master keys of JWE, which
    /// take longer, it only notes for [`Keyring::master_jobs`].
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive_for(&self, settings: Settings<'_>, now: u64) -> Result<usize, LibraryError> {
        match settings.keys {
            Keys::Passphrases(list) => self.derive_from(list, settings, now),
            Keys::Certificates(list) => {
                let signed = Sealer::new(self, settings).sign_for_hour(list, now)?;
                Ok(usize::from(signed))
            }
        }
    }

    /// Hands over the master keys that [`Keyring::derive_for`] noted, each once:
    /// to be restored or derived before the children fork.
    pub fn master_jobs(&self) -> Vec<MasterJob> {
        self.masters.jobs()
    }

    fn derive_from(
        &self,
        passphrases: &PassphraseList,
        settings: Settings<'_>,
        now: u64,
    ) -> Result<usize, LibraryError> {
        let defaults = settings
            .engine
            .map_or(self.defaults(), |engine| &engine.defaults);
        let mut count: usize = 0;
        if settings.ciphers.iter().any(Cipher::is_aead) {
            let digest = settings.digest.unwrap_or(&defaults.jwe_digest);
            for passphrase in passphrases.iter() {
                self.masters.note(passphrase, digest)?;
            }
        }
        let seals_classic = settings
            .ciphers
            .first()
            .is_some_and(|cipher| !cipher.is_aead());
        if let (true, Some(passphrase)) = (seals_classic, passphrases.first()) {
            let digest = settings.digest.unwrap_or(&defaults.classic_digest);
            self.note_hourly(passphrase, digest);
            count = count.saturating_add(usize::from(self.derive_hour(passphrase, digest, now)?));
        }
        Ok(count)
    }

    /// Derives the keys of the hour for what [`Keyring::derive_for`] was called
    /// with, up to [`Keyring::MAX_AGAIN`] of them: for a child that starts in
    /// another hour than its parent did. The others wait for a request that
    /// needs them. Returns how many it derived.
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
        let is_it = |(held, with): &(Arc<Passphrase>, Digest)| {
            Arc::ptr_eq(held, passphrase) && with.id() == digest.id()
        };
        if !hourly.iter().any(is_it) {
            hourly.push((passphrase.clone(), digest.clone()));
        }
    }

    fn derive_hour(
        &self,
        passphrase: &Passphrase,
        digest: &Digest,
        now: u64,
    ) -> Result<bool, LibraryError> {
        let name = KeyName {
            passphrase: passphrase.id(),
            digest: digest.id(),
            length: KEY_LENGTH,
            salt: self.salt(hour::hour(now)),
        };
        let place = self.sealing_place(&name, passphrase);
        let derive = || ClassicKey::derive(passphrase.secret(), digest, &name.salt, name.length);
        place.get(derive).map(|(_, derived)| derived)
    }

    /// Sets a child process up, with nothing that it must not share with its
    /// siblings.
    pub fn after_fork(&self) {
        self.engines.after_fork();
        // Last: until then, the child refuses.
        self.benches.set_up();
    }

    /// Where the content keys of a certificate are kept.
    pub(crate) fn content_keys(&self, identity: &Identity) -> &ContentKeys {
        if identity.is_visitor {
            &self.visitors_content_keys
        } else {
            &self.content_keys
        }
    }

    pub(crate) fn salt(&self, hour: u64) -> [u8; CLASSIC_SALT] {
        hour::salt(&self.seed, hour)
    }

    /// The place of a key that seals, derived or not. It stays with its
    /// passphrase for the hour, whatever else passes through the cache.
    pub(crate) fn sealing_place(&self, name: &KeyName, passphrase: &Passphrase) -> SharedKey {
        passphrase.sealing_key(name).unwrap_or_else(|| {
            let key = self.keys.take(name).unwrap_or_default();
            let new = SealingKey { name: *name, key };
            let (key, replaced) = passphrase.set_sealing_key(new);
            // The key of the last hour: its tokens are about to come back.
            if let Some(SealingKey { name, key }) = replaced {
                self.keys.keep(name, key);
            }
            key
        })
    }

    /// The key of a token, if it is at hand or being derived.
    pub(crate) fn token_key(&self, name: &KeyName, passphrase: &Passphrase) -> Option<FoundKey> {
        let sealing = passphrase.sealing_key(name).map(|key| FoundKey {
            key,
            on_trial: false,
        });
        sealing.or_else(|| self.keys.look_up(name))
    }

    /// The place of the key of a token that is about to be derived.
    pub(crate) fn try_key(&self, name: &KeyName) -> FoundKey {
        self.keys.try_out(name)
    }

    /// Keeps the key of a token that was worth it.
    pub(crate) fn keep_key(&self, name: &KeyName, key: &SharedKey) {
        self.keys.keep(*name, key.clone());
    }

    /// Forgets the keys of tokens, as a child that was just started has none.
    #[cfg(test)]
    pub(crate) fn forget_keys(&self) {
        self.benches.set_up();
        self.keys.clear();
    }

    #[cfg(test)]
    pub(crate) fn keys_held(&self) -> usize {
        self.keys.len()
    }

    /// Whether this server has made a salt, up to [`OWN_HOURS`] ago.
    pub(crate) fn is_own_salt(&self, salt: &[u8; CLASSIC_SALT], now: u64) -> bool {
        let hour = hour::hour(now);
        let hours = hour.saturating_sub(OWN_HOURS)..=hour;
        hours.rev().any(|hour| self.salt(hour) == *salt)
    }
}

impl Passphrases {
    fn find(
        &mut self,
        fingerprint: Fingerprint,
        bytes: &[u8],
        origin: Origin,
    ) -> Option<Arc<Passphrase>> {
        self.clock = self.clock.wrapping_add(1);
        let known = self.known.get_mut(&fingerprint)?;
        if !known.passphrase.is(bytes) {
            return None;
        }
        known.seen = self.clock;
        if origin == Origin::Server && known.origin == Origin::Htaccess {
            known.origin = origin;
            self.visitors = self.visitors.saturating_sub(1);
        }
        Some(known.passphrase.clone())
    }

    fn add(
        &mut self,
        fingerprint: Fingerprint,
        passphrase: &Arc<Passphrase>,
        origin: Origin,
        max_visitors: usize,
    ) {
        if origin == Origin::Htaccess {
            if self.visitors >= max_visitors {
                self.forget_a_visitor();
            }
            self.visitors = self.visitors.saturating_add(1);
        }
        let known = Known {
            passphrase: passphrase.clone(),
            origin,
            seen: self.clock,
        };
        self.known.insert(fingerprint, known);
    }

    /// Drops the visitor not seen for longest: one that has not been used, if
    /// there is any, so that a file with many passphrases pushes out its own.
    fn forget_a_visitor(&mut self) {
        let visitors = self
            .known
            .iter()
            .filter(|(_, known)| known.origin == Origin::Htaccess);
        let oldest = visitors
            .min_by_key(|(_, known)| (known.passphrase.was_used(), known.seen))
            .map(|(fingerprint, _)| *fingerprint);
        if oldest
            .and_then(|fingerprint| self.known.remove(&fingerprint))
            .is_some()
        {
            self.visitors = self.visitors.saturating_sub(1);
        }
    }
}
