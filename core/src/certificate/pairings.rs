//! The pairs of certificates and private keys that have been found, and the price that
//! an author of a `.htaccess` file pays for a search.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock, Weak};

use base64_simd::URL_SAFE_NO_PAD;

use crate::certificate::attempts::{Attempts, During, MAX_ATTEMPTS};
use crate::certificate::certificate::Certificate;
use crate::certificate::identity::{Identities, Identity};
use crate::certificate::pairing::{Pair, Pairs, listed, no_pin, pair};
use crate::certificate::pairing_error::{ListedSource, PairingError, PairingFault};
use crate::certificate::private_key::PrivateKey;
use crate::certificate::sources::Source;
use crate::certificate::unlock::PassphraseTrial;
use crate::counters::counters::Counters;
use crate::counters::key::{CountedKey, KeyCounter, SecretKind};
use crate::engine::engine::Engine;
use crate::fingerprint::Fingerprint;
use crate::id;
use crate::origin::Origin;
use crate::panics::locks;
use crate::passphrase::allowance::KeyUse;
use crate::passphrase::master_keys::MasterKeys;

/// The pairs that have been found. A section that is merged for each request finds its
/// pairs here, without a new search.
pub(crate) struct Pairings {
    counters: Counters,
    outcomes: RwLock<HashMap<Box<[u64]>, KeptOutcome>>,
    identities: Mutex<HashMap<[u64; 3], Weak<Identity>>>,
    clock: AtomicU64,
    /// The lock of the thread that searches at an author's expense.
    paid: Mutex<()>,
}

/// The outcome of a search.
struct KeptOutcome {
    outcome: Result<Arc<Identities>, PairingError>,
    /// The occasion of the search: the outcome of a request can be replaced.
    during: During,
    /// The time of the last use, on the clock of [`Pairings`].
    used: AtomicU64,
}

impl KeptOutcome {
    fn is_replaceable(&self) -> bool {
        self.during != During::Startup
    }
}

/// The most outcomes of searches during requests that are kept.
const MAX_FROM_REQUESTS: usize = 64;

impl Pairings {
    /// Makes an empty store, which names the certificates that it finds.
    pub(crate) fn new(counters: Counters) -> Self {
        Self {
            counters,
            outcomes: RwLock::default(),
            identities: Mutex::default(),
            clock: AtomicU64::default(),
            paid: Mutex::default(),
        }
    }

    /// Finds the private key of each certificate.
    ///
    /// `masters` has the allowance from which an author pays for attempts.
    pub(crate) fn find(
        &self,
        pairs: Pairs<'_>,
        during: During,
        masters: &MasterKeys,
    ) -> Result<Arc<Identities>, PairingError> {
        if let Some(error) = no_pin(pairs) {
            return Err(error);
        }
        let name = name_of(pairs);
        if let Some(outcome) = self.kept(&name) {
            return outcome;
        }
        let now = match during {
            During::Request { now } if are_of_author(pairs) => now,
            _ => return self.search(pairs, name, during, &Attempts::without_bound()),
        };
        let attempts = Attempts::of_author();
        let Some(charge) = charge_for(pairs) else {
            return self.search(pairs, name, during, &attempts);
        };
        // One thread searches at a time. The others wait, and then find the outcome that
        // the first has paid for.
        let _paid = locks::lock(&self.paid);
        if let Some(outcome) = self.kept(&name) {
            return outcome;
        }
        // Any client can cause this search, so it is paid for like an opening.
        if !masters
            .allowance
            .pay(pairs.payer, KeyUse::Opening, charge.attempts, now)
        {
            return Err(PairingError::new(charge.first, PairingFault::Unpaid));
        }
        let outcome = self.search(pairs, name, during, &attempts);
        let unused = charge.attempts.saturating_sub(attempts.taken());
        masters.allowance.give_back(pairs.payer, unused);
        outcome
    }

    /// The outcome that is kept under a name.
    fn kept(&self, name: &[u64]) -> Option<Result<Arc<Identities>, PairingError>> {
        let outcomes = locks::read(&self.outcomes);
        let kept = outcomes.get(name)?;
        if kept.is_replaceable() {
            let now = self.clock.fetch_add(1, Ordering::Relaxed);
            kept.used.store(now, Ordering::Relaxed);
        }
        Some(kept.outcome.clone())
    }

    /// Searches for pairs, and keeps the outcome if it is final.
    fn search(
        &self,
        pairs: Pairs<'_>,
        name: Vec<u64>,
        during: During,
        attempts: &Attempts,
    ) -> Result<Arc<Identities>, PairingError> {
        let trial = PassphraseTrial {
            passphrases: pairs.passphrases,
            attempts,
        };
        let outcome = pair(pairs, trial).map(|found| {
            let found = found.into_iter();
            let identities = found.map(|pair| self.identity(pairs.engine, pair, during));
            Arc::new(Identities::new(identities.collect()))
        });
        // A hardware token may be away today and back tomorrow, and a call of OpenSSL
        // that fails proves nothing.
        let mut all = pairs.certificates.iter().chain(pairs.keys);
        let is_final = match &outcome {
            Ok(_) => true,
            Err(failure) => failure.is_final && !all.any(Source::is_uri),
        };
        let outcome = outcome.map_err(|failure| failure.error);
        if is_final {
            self.keep(name, &outcome, during);
        }
        outcome
    }

    /// Keeps an outcome; one of a request may replace the one that was not used for the
    /// longest time.
    fn keep(
        &self,
        name: Vec<u64>,
        outcome: &Result<Arc<Identities>, PairingError>,
        during: During,
    ) {
        let new = KeptOutcome {
            outcome: outcome.clone(),
            during,
            used: AtomicU64::new(self.clock.fetch_add(1, Ordering::Relaxed)),
        };
        let mut outcomes = locks::write(&self.outcomes);
        let replaceable = || outcomes.iter().filter(|(_, kept)| kept.is_replaceable());
        if new.is_replaceable() && replaceable().count() >= MAX_FROM_REQUESTS {
            let oldest = replaceable().min_by_key(|(_, kept)| kept.used.load(Ordering::Relaxed));
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                outcomes.remove(&oldest);
            }
        }
        outcomes.insert(name.into(), new);
    }

    /// The one identity of a certificate and a key, whichever section has them.
    fn identity(
        &self,
        engine: Option<&Engine>,
        Pair {
            certificate,
            key,
            sources: (source, key_source),
        }: Pair<'_>,
        during: During,
    ) -> Arc<Identity> {
        let engine = match key {
            PrivateKey::Hardware(_) => engine.map(Engine::id).unwrap_or_default(),
            PrivateKey::Memory(_) => 0,
        };
        let name = [source.id, key_source.id, engine];
        let mut identities = locks::lock(&self.identities);
        if let Some(known) = identities.get(&name).and_then(Weak::upgrade) {
            return known;
        }
        identities.retain(|_, known| known.strong_count() > 0);
        let origin = match (source.origin, key_source.origin) {
            (Origin::Server, Origin::Server) => Origin::Server,
            _ => Origin::Htaccess,
        };
        let counter = match origin {
            Origin::Server => self.counter(&certificate, source, during),
            Origin::Htaccess => KeyCounter::HTACCESS,
        };
        let counted = (self.counters, counter);
        let pair = (certificate, key);
        let identity = Arc::new(Identity::new(id::next(), pair, origin, counted));
        identities.insert(name, Arc::downgrade(&identity));
        identity
    }

    /// The counter of a certificate and its private key.
    fn counter(&self, certificate: &Certificate, source: &Source, during: During) -> KeyCounter {
        let thumbprint = certificate.thumbprint.as_slice();
        let identity = Fingerprint::of([b"certificate", thumbprint]);
        match during {
            During::Startup => {
                let kid = URL_SAFE_NO_PAD.encode_to_string(thumbprint);
                let key = CountedKey {
                    kind: SecretKind::Certificate,
                    identity,
                    kid: Some(&kid),
                    place: source.shown(),
                };
                self.counters.key(&key, self.counters.configured_at())
            }
            // The parent has named the certificates of all sections.
            During::Request { .. } => self.counters.find(identity),
        }
    }
}

/// The name of an outcome: the ids of all that it depends on. The length of each list
/// stands before the lists.
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

/// Whether a `.htaccess` file names one of the sources, or the passphrases that are
/// tried on all of them. Its author is then the cause of the search, also of the parts
/// that the server's configuration names.
fn are_of_author(pairs: Pairs<'_>) -> bool {
    pairs.origin == Origin::Htaccess
        || listed(pairs).any(|listed| listed.source.origin == Origin::Htaccess)
}

/// The attempts that an author pays for before a search.
struct AttemptCharge<'p> {
    /// The most attempts that the search may take.
    attempts: u64,
    /// The first source on which a passphrase would be tried.
    first: ListedSource<'p>,
}

/// The charge for a search; `None` if it tries no passphrase.
fn charge_for(pairs: Pairs<'_>) -> Option<AttemptCharge<'_>> {
    let attempts = |listed: &ListedSource<'_>| listed.source.most_attempts(pairs.passphrases.len());
    let first = listed(pairs).find(|listed| attempts(listed) > 0)?;
    let all = listed(pairs).map(|listed| attempts(&listed));
    let all = all.fold(0, u64::saturating_add);
    Some(AttemptCharge {
        attempts: all.min(MAX_ATTEMPTS),
        first,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::hour::Seed;
    use crate::keyring::keyring::Keyring;
    use crate::keyring::random::OpenSslRandom;
    use crate::passphrase::allowance::Payer;
    use crate::passphrase::passphrase::Passphrase;
    use crate::shared_memory::SharedMemory;
    use crate::vectors;

    const NOON: u64 = 1_800_000_000;

    fn keyring() -> Keyring {
        Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap()
    }

    /// The identities of a list that differs from others in a passphrase which no key needs.
    fn find(keyring: &Keyring, source: &Source, id: u64, during: During) -> Arc<Identities> {
        let passphrase = Arc::new(Passphrase::new(b"secret", id).unwrap());
        let pairs = Pairs {
            certificates: std::slice::from_ref(source),
            keys: &[],
            passphrases: &[passphrase].into_iter().collect(),
            engine: None,
            origin: Origin::Server,
            payer: Payer::Server,
        };
        keyring.identities(pairs, during).unwrap()
    }

    #[test]
    fn keeps_few_pairs_of_requests_and_those_in_use() {
        let keyring = keyring();
        let path = vectors::certificate("p-256");
        let source = keyring.file(&path, Origin::Server).unwrap();
        let request = During::Request { now: NOON };
        let server = find(&keyring, &source, 0, During::Startup);
        let regular = find(&keyring, &source, 1, request);
        for id in 2..2 + 2 * u64::try_from(MAX_FROM_REQUESTS).unwrap() {
            let one = find(&keyring, &source, id, request);
            assert!(Arc::ptr_eq(&one, &find(&keyring, &source, id, request)));
            assert!(Arc::ptr_eq(&regular, &find(&keyring, &source, 1, request)));
            assert!(keyring.pairings.outcomes.read().unwrap().len() <= MAX_FROM_REQUESTS + 1);
        }
        assert!(Arc::ptr_eq(
            &server,
            &find(&keyring, &source, 0, During::Startup)
        ));
        // All these lists share one identity.
        assert_eq!(keyring.pairings.identities.lock().unwrap().len(), 1);
    }
}
