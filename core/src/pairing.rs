//! Which private key belongs to which certificate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crate::attempts::{Asked, Attempts, MAX_ATTEMPTS};
use crate::certificate::{Certificate, Unfit};
use crate::engine::Engine;
use crate::error::LibraryError;
use crate::evp;
use crate::hardware::{HardwareKey, ObjectName};
use crate::identity::{Identities, Identity};
use crate::key_file::{FileError, Secrets};
use crate::master_keys::{Masters, Use};
use crate::origin::Origin;
use crate::passphrase::{Passphrase, PassphraseList};
use crate::private_key::PrivateKey;
use crate::sources::{Place, Source};

/// What a section says of certificates.
#[derive(Clone, Copy, Debug)]
pub struct Pairs<'c> {
    /// The first seals, all open.
    pub certificates: &'c [Source],
    /// Their private keys, in any order, but for those that are in the
    /// certificate's own file.
    pub keys: &'c [Source],
    /// What opens private keys, and the PIN of a token.
    pub passphrases: &'c PassphraseList,
    /// What has the keys behind URIs.
    pub engine: Option<&'c Engine>,
    /// Where the passphrases were written: those of a `.htaccess` file are no
    /// PIN.
    pub origin: Origin,
}

/// Why certificates and keys do not go together.
#[derive(Clone, Debug)]
pub struct PairingError {
    /// At which source.
    pub at: At,
    /// What is wrong, and what to write instead.
    pub message: String,
    /// Whether passphrases, or an engine, might mend it.
    pub needs: Needs,
}

/// A place in one of the two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Counted from 0.
    Certificate(usize),
    /// Counted from 0.
    Key(usize),
}

/// What another section might add that mends an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing but other certificates or keys.
    Files,
    /// A passphrase.
    Passphrases,
    /// Passphrases of which fewer are tried.
    FewerPassphrases,
    /// An engine.
    Engine,
}

/// The pairs that have been found, so that a section that is merged for each
/// request does not look for them each time.
#[derive(Default)]
pub(crate) struct Pairings {
    known: RwLock<HashMap<Box<[u64]>, Known>>,
    identities: Mutex<HashMap<[u64; 3], Weak<Identity>>>,
    clock: AtomicU64,
    /// Held by the thread that looks for pairs at an author's expense.
    paid: Mutex<()>,
}

struct Known {
    outcome: Result<Arc<Identities>, PairingError>,
    is_visitor: bool,
    seen: AtomicU64,
}

/// Pairs of sections that first came with a request, which are kept.
const MAX_VISITORS: usize = 64;

impl Pairings {
    /// Finds the private key of every certificate.
    ///
    /// `masters` are what an author pays with for passphrases that are tried.
    pub(crate) fn find(
        &self,
        pairs: Pairs<'_>,
        asked: Asked,
        masters: &Masters,
    ) -> Result<Arc<Identities>, PairingError> {
        if let Some(error) = no_pin(pairs) {
            return Err(error);
        }
        let name = name_of(pairs);
        if let Some(outcome) = self.known(&name) {
            return outcome;
        }
        let (now, payer) = match asked {
            Asked::InRequest { now, payer } if are_of_author(pairs) => {
                (now, payer.or(pairs.passphrases.payer()))
            }
            _ => {
                let is_visitor = asked != Asked::AtStartup;
                return self.find_new(pairs, name, is_visitor, &Attempts::without_bound());
            }
        };
        let attempts = Attempts::of_author();
        let Some(bill) = bill(pairs) else {
            return self.find_new(pairs, name, true, &attempts);
        };
        // One thread at a time: those that wait find what the first has paid for.
        let _paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outcome) = self.known(&name) {
            return outcome;
        }
        // Any client can ask for it.
        if !masters.pay(payer, Use::Opening, bill.attempts, now) {
            return Err(bill.unpaid());
        }
        let outcome = self.find_new(pairs, name, true, &attempts);
        let unused = bill.attempts.saturating_sub(attempts.taken());
        masters.give_back(payer, unused);
        outcome
    }

    fn known(&self, name: &[u64]) -> Option<Result<Arc<Identities>, PairingError>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.get(name)?;
        if known.is_visitor {
            let now = self.clock.fetch_add(1, Ordering::Relaxed);
            known.seen.store(now, Ordering::Relaxed);
        }
        Some(known.outcome.clone())
    }

    fn find_new(
        &self,
        pairs: Pairs<'_>,
        name: Vec<u64>,
        is_visitor: bool,
        attempts: &Attempts,
    ) -> Result<Arc<Identities>, PairingError> {
        let secrets = Secrets {
            passphrases: pairs.passphrases,
            attempts,
        };
        let outcome = self.pair(pairs, secrets);
        // A hardware token may be away today and back tomorrow, and a call of OpenSSL
        // that fails proves nothing.
        let mut all = pairs.certificates.iter().chain(pairs.keys);
        let is_final = match &outcome {
            Ok(_) => true,
            Err(failure) => failure.is_final && !all.any(Source::is_uri),
        };
        let outcome = outcome.map_err(|failure| failure.error);
        if is_final {
            self.keep(name, &outcome, is_visitor);
        }
        outcome
    }

    fn keep(
        &self,
        name: Vec<u64>,
        outcome: &Result<Arc<Identities>, PairingError>,
        is_visitor: bool,
    ) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let visitors = || known.iter().filter(|(_, known)| known.is_visitor);
        if is_visitor && visitors().count() >= MAX_VISITORS {
            let oldest = visitors().min_by_key(|(_, known)| known.seen.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                known.remove(&oldest);
            }
        }
        let entry = Known {
            outcome: outcome.clone(),
            is_visitor,
            seen: AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed)),
        };
        known.insert(name.into(), entry);
    }

    fn pair(&self, pairs: Pairs<'_>, secrets: Secrets<'_>) -> Result<Arc<Identities>, Failure> {
        let mut keys = Vec::new();
        for (index, source) in pairs.keys.iter().enumerate() {
            let from = (source, At::Key(index));
            keys.push((source, read_key(pairs, from, secrets)?));
        }
        let mut identities = Vec::new();
        for (index, source) in pairs.certificates.iter().enumerate() {
            let from = (source, At::Certificate(index));
            identities.push(self.identify(pairs, from, &keys, secrets)?);
        }
        Ok(Arc::new(Identities::new(identities)))
    }

    fn identify(
        &self,
        pairs: Pairs<'_>,
        (source, at): (&Source, At),
        keys: &[(&Source, PrivateKey)],
        secrets: Secrets<'_>,
    ) -> Result<Arc<Identity>, Failure> {
        let certificate = read_certificate(pairs, (source, at), secrets)?;
        let fits = |key: &_| fits(key, &certificate).map_err(|error| failure(source, at, &error));
        for (from, key) in keys {
            if fits(key)? {
                return Ok(self.identity(pairs, (source, from), certificate, key));
            }
        }
        let own = read_own_key((source, at), secrets)?;
        let has_own = own.is_some();
        if let Some(key) = own {
            if fits(&key)? {
                return Ok(self.identity(pairs, (source, source), certificate, &key));
            }
        }
        Err(PairingError {
            at,
            message: no_key(source, keys, has_own),
            needs: Needs::Files,
        }
        .into())
    }

    /// The one identity of a certificate and a key, whichever section has them.
    fn identity(
        &self,
        pairs: Pairs<'_>,
        (source, from): (&Source, &Source),
        certificate: Certificate,
        key: &PrivateKey,
    ) -> Arc<Identity> {
        let engine = match key {
            PrivateKey::Hardware(_) => pairs.engine.map(Engine::id).unwrap_or_default(),
            PrivateKey::Memory(_) => 0,
        };
        let name = [source.id, from.id, engine];
        let mut identities = self
            .identities
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = identities.get(&name).and_then(Weak::upgrade) {
            return known;
        }
        identities.retain(|_, known| known.strong_count() > 0);
        let is_visitor = [source, from].iter().any(|source| source.is_visitor);
        let id = self.clock.fetch_add(1, Ordering::Relaxed);
        let identity = Arc::new(Identity::new(id, certificate, key.clone(), is_visitor));
        identities.insert(name, Arc::downgrade(&identity));
        identity
    }
}

/// What the outcome depends on: each list, with its length before it.
fn name_of(pairs: Pairs<'_>) -> Vec<u64> {
    let ids = pairs.passphrases.ids();
    let lengths = [pairs.certificates.len(), pairs.keys.len(), ids.len()];
    let room = lengths
        .iter()
        .fold(4, |sum: usize, length| sum.saturating_add(*length));
    let mut name = Vec::with_capacity(room);
    name.push(pairs.engine.map(Engine::id).unwrap_or_default());
    name.extend(lengths.map(|length| u64::try_from(length).unwrap_or(u64::MAX)));
    name.extend(pairs.certificates.iter().map(|source| source.id));
    name.extend(pairs.keys.iter().map(|source| source.id));
    name.extend(ids);
    name
}

/// Why nothing was found, and whether it will be the same next time.
struct Failure {
    error: PairingError,
    is_final: bool,
}

impl From<PairingError> for Failure {
    fn from(error: PairingError) -> Self {
        Self {
            error,
            is_final: true,
        }
    }
}

fn fits(key: &PrivateKey, certificate: &Certificate) -> Result<bool, LibraryError> {
    key.with(|key| {
        evp::is_pair(key, &certificate.key)
            .map_err(|stack| LibraryError::new("compare two keys", &stack))
    })
}

/// This host failed at a certificate.
fn failure(source: &Source, at: At, error: &LibraryError) -> Failure {
    Failure {
        error: PairingError {
            at,
            message: format!("{}: {error}", source.shown()),
            needs: Needs::Files,
        },
        is_final: false,
    }
}

/// Whether a `.htaccess` file names a source, or says what is tried on all of them:
/// then it is its author who has them looked at, the server's with his own.
fn are_of_author(pairs: Pairs<'_>) -> bool {
    pairs.origin == Origin::Htaccess || sources(pairs).any(|(_, source)| source.is_visitor)
}

/// The work that an author has to pay for.
struct Bill<'p> {
    /// As many as there may be.
    attempts: u64,
    /// Where the first would be.
    source: &'p Source,
    at: At,
}

/// The attempts that pairs of an author may take, if any.
fn bill(pairs: Pairs<'_>) -> Option<Bill<'_>> {
    let attempts = |source: &Source| source.most_attempts(pairs.passphrases.len());
    let (at, source) = sources(pairs).find(|(_, source)| attempts(source) > 0)?;
    let all = sources(pairs).map(|(_, source)| attempts(source));
    let all = all.fold(0, u64::saturating_add);
    Some(Bill {
        attempts: all.min(MAX_ATTEMPTS),
        source,
        at,
    })
}

impl Bill<'_> {
    fn unpaid(&self) -> PairingError {
        PairingError {
            at: self.at,
            message: format!(
                "{} is encrypted, and no passphrase has been tried on it yet: the limit for \
                 .htaccess files is used up: wait for some seconds, or write a private key that is \
                 not encrypted, or set it in the server configuration, where keys are opened at \
                 startup",
                self.source.shown()
            ),
            needs: Needs::Files,
        }
    }
}

/// All certificates and all keys.
fn sources(pairs: Pairs<'_>) -> impl Iterator<Item = (At, &Source)> {
    let certificates = pairs.certificates.iter().enumerate();
    let certificates = certificates.map(|(index, source)| (At::Certificate(index), source));
    let keys = pairs.keys.iter().enumerate();
    certificates.chain(keys.map(|(index, source)| (At::Key(index), source)))
}

fn read_certificate(
    pairs: Pairs<'_>,
    (source, at): (&Source, At),
    secrets: Secrets<'_>,
) -> Result<Certificate, Failure> {
    let certificate = match &source.place {
        Place::File(entry) => {
            let certificate = entry.file.certificate(secrets);
            certificate.map_err(|error| file_error(source, at, error))?
        }
        Place::Uri(uri) => {
            let engine = pairs.engine.ok_or_else(|| no_engine(source, at))?;
            let certificate = ObjectName::new(uri, pin(pairs))
                .and_then(|name| engine.hardware.certificate(&name));
            certificate.map_err(|error| token_error(source, at, &error))?
        }
    };
    Certificate::new(certificate).map_err(|unfit| match unfit {
        Unfit::Failed => file_error(source, at, FileError::Failed),
        Unfit::Key(error) => Failure::from(PairingError {
            at,
            message: format!("{} has {error}", source.shown()),
            needs: Needs::Files,
        }),
    })
}

fn read_key(
    pairs: Pairs<'_>,
    (source, at): (&Source, At),
    secrets: Secrets<'_>,
) -> Result<PrivateKey, Failure> {
    match &source.place {
        Place::File(_) => {
            let key = read_own_key((source, at), secrets)?;
            key.ok_or_else(|| file_error(source, at, FileError::NoKey))
        }
        Place::Uri(uri) => {
            let engine = pairs.engine.ok_or_else(|| no_engine(source, at))?;
            let key = ObjectName::new(uri, pin(pairs)).and_then(|name| {
                let key = PrivateKey::Hardware(Arc::new(HardwareKey::new(&engine.hardware, name)));
                // Whether it is there, and the PIN the right one.
                key.with(|_| Ok(()))?;
                Ok(key)
            });
            Ok(key.map_err(|error| token_error(source, at, &error))?)
        }
    }
}

/// The private key in a file, if there is one.
fn read_own_key(
    (source, at): (&Source, At),
    secrets: Secrets<'_>,
) -> Result<Option<PrivateKey>, Failure> {
    let Place::File(entry) = &source.place else {
        return Ok(None);
    };
    let key = entry.file.private_key(secrets);
    let key = key.map_err(|error| file_error(source, at, error))?;
    Ok(key.map(PrivateKey::Memory))
}

/// The PIN of a token: the first passphrase, and no other, because a token
/// counts the wrong ones.
fn pin(pairs: Pairs<'_>) -> Option<&Passphrase> {
    pairs.passphrases.first().map(Arc::as_ref)
}

/// A passphrase of a `.htaccess` file is no PIN, not even the right one: who
/// writes it would learn which that is.
fn no_pin(pairs: Pairs<'_>) -> Option<PairingError> {
    if pairs.origin == Origin::Server || pairs.passphrases.is_empty() {
        return None;
    }
    let (at, source) = sources(pairs).find(|(_, source)| source.is_uri())?;
    Some(PairingError {
        at,
        message: format!(
            "{} is on a token, and a passphrase of .htaccess is not tried as its PIN: take the \
             SessionCryptoPassphrase line out",
            source.shown()
        ),
        needs: Needs::Files,
    })
}

fn file_error(source: &Source, at: At, error: FileError) -> Failure {
    Failure {
        error: PairingError {
            at,
            message: format!("{} {error}", source.shown()),
            needs: match error {
                FileError::Locked | FileError::NoPassphrase => Needs::Passphrases,
                FileError::TooManyAttempts => Needs::FewerPassphrases,
                _ => Needs::Files,
            },
        },
        is_final: error != FileError::Failed,
    }
}

fn no_engine(source: &Source, at: At) -> PairingError {
    PairingError {
        at,
        message: format!(
            "{} is not a file: write the name of one, or with SessionCryptoEngine the engine or \
             provider that knows this URI, as 'SessionCryptoEngine pkcs11'",
            source.shown()
        ),
        needs: Needs::Engine,
    }
}

fn token_error(source: &Source, at: At, error: &LibraryError) -> PairingError {
    PairingError {
        at,
        message: format!(
            "{}: {error}: look for the token, at the names in this URI, and at the PIN, which is \
             the first passphrase of this section",
            source.shown()
        ),
        needs: Needs::Passphrases,
    }
}

fn no_key(source: &Source, keys: &[(&Source, PrivateKey)], has_own: bool) -> String {
    let shown = source.shown();
    let tried: Vec<_> = keys.iter().map(|(source, _)| source.shown()).collect();
    match (tried.as_slice(), has_own) {
        ([], false) => format!(
            "{shown} has a certificate, and nothing says where its private key is: write the file \
             with SessionCryptoCertificateKeyFile, or add the key to {shown}"
        ),
        (_, true) => format!(
            "{shown} has a private key that is not that of its certificate: \
             put the two that belong together in it"
        ),
        (tried, false) => format!(
            "the certificate in {shown} has no private key, that in {} is another's: write the \
             file with the one that belongs to it with SessionCryptoCertificateKeyFile",
            tried.join(" and in ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hour::Seed;
    use crate::keyring::Keyring;
    use crate::master_keys::Payer;
    use crate::random::OpenSslRandom;
    use crate::shared_memory::SharedMemory;
    use crate::vectors;

    const NOON: u64 = 1_800_000_000;

    fn keyring() -> Keyring {
        Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap()
    }

    /// Lists that differ in a passphrase which nothing needs.
    fn find(keyring: &Keyring, source: &Source, id: u64, asked: Asked) -> Arc<Identities> {
        let passphrase = Arc::new(Passphrase::new(b"secret", id).unwrap());
        let pairs = Pairs {
            certificates: std::slice::from_ref(source),
            keys: &[],
            passphrases: &[passphrase].into_iter().collect(),
            engine: None,
            origin: Origin::Server,
        };
        keyring.identities(pairs, asked).unwrap()
    }

    #[test]
    fn keeps_few_pairs_of_requests_and_those_in_use() {
        let keyring = keyring();
        let path = vectors::certificate("p-256");
        let source = keyring.file(&path, Origin::Server).unwrap();
        let request = Asked::InRequest {
            now: NOON,
            payer: Payer::Server,
        };
        let server = find(&keyring, &source, 0, Asked::AtStartup);
        let regular = find(&keyring, &source, 1, request);
        for id in 2..2 + 2 * u64::try_from(MAX_VISITORS).unwrap() {
            let one = find(&keyring, &source, id, request);
            assert!(Arc::ptr_eq(&one, &find(&keyring, &source, id, request)));
            assert!(Arc::ptr_eq(&regular, &find(&keyring, &source, 1, request)));
            assert!(keyring.pairings.known.read().unwrap().len() <= MAX_VISITORS + 1);
        }
        assert!(Arc::ptr_eq(
            &server,
            &find(&keyring, &source, 0, Asked::AtStartup)
        ));
        // However many lists it is in, it is one identity.
        assert_eq!(keyring.pairings.identities.lock().unwrap().len(), 1);
    }
}
