//! The pairs of certificates and private keys that have been found, and what an
//! author of a `.htaccess` file pays for having others looked for.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};

use crate::certificate::attempts::{Asked, Attempts, MAX_ATTEMPTS};
use crate::certificate::identity::{Identities, Identity};
use crate::certificate::pairing::{Pair, Pairs, no_pin, pair, sources};
use crate::certificate::pairing_error::{At, PairingError, PairingFault};
use crate::certificate::private_key::PrivateKey;
use crate::certificate::sources::Source;
use crate::certificate::unlock::Secrets;
use crate::engine::engine::Engine;
use crate::id;
use crate::origin::Origin;
use crate::passphrase::allowance::KeyUse;
use crate::passphrase::master_keys::MasterKeys;

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
        masters: &MasterKeys,
    ) -> Result<Arc<Identities>, PairingError> {
        if let Some(error) = no_pin(pairs) {
            return Err(error);
        }
        let name = name_of(pairs);
        if let Some(outcome) = self.known(&name) {
            return outcome;
        }
        let (now, payer) = match asked {
            Asked::InRequest { now, payer } if are_of_author(pairs) => (now, payer),
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
        if !masters
            .allowance
            .pay(payer, KeyUse::Opening, bill.attempts, now)
        {
            return Err(PairingError::new(
                bill.at,
                bill.source,
                PairingFault::Unpaid,
            ));
        }
        let outcome = self.find_new(pairs, name, true, &attempts);
        let unused = bill.attempts.saturating_sub(attempts.taken());
        masters.allowance.give_back(payer, unused);
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
        let outcome = pair(pairs, secrets).map(|found| {
            let found = found.into_iter();
            let identities = found.map(|pair| self.identity(pairs.engine, pair));
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

    /// The one identity of a certificate and a key, whichever section has them.
    fn identity(
        &self,
        engine: Option<&Engine>,
        Pair {
            certificate,
            key,
            sources: (source, from),
        }: Pair<'_>,
    ) -> Arc<Identity> {
        let engine = match key {
            PrivateKey::Hardware(_) => engine.map(Engine::id).unwrap_or_default(),
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
        let identity = Arc::new(Identity::new(id::next(), certificate, key, is_visitor));
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
