//! The ciphers and digests of a configuration, each fetched once.

use std::collections::HashMap;
use std::sync::{Arc, RwLock};

use crate::algorithm::cipher::Cipher;
use crate::algorithm::defaults::Defaults;
use crate::algorithm::digest::Digest;
use crate::algorithm::error::AlgorithmError;
use crate::engine::engine::Engine;
use crate::libcrypto::supplier::Supplier;
use crate::panics::locks;

/// The algorithms that the configuration names, each fetched once.
///
/// To fetch an algorithm, OpenSSL walks through its providers, and a `.htaccess` file would
/// make it do so on each request. Only names that OpenSSL knows are kept, so their number
/// is bounded.
pub(crate) struct Algorithms {
    ciphers: RwLock<HashMap<AlgorithmKey, Cipher>>,
    digests: RwLock<HashMap<AlgorithmKey, Digest>>,
    defaults: Defaults,
}

/// The id of an engine, 0 without one, and a name in lower case.
type AlgorithmKey = (u64, String);

impl Algorithms {
    /// Fetches the defaults: AES-256-CBC and SHA-1 as in httpd's module, and AES-256-GCM
    /// and SHA-256 for JWE.
    pub(crate) fn new() -> Result<Self, AlgorithmError> {
        Ok(Self {
            ciphers: RwLock::default(),
            digests: RwLock::default(),
            defaults: Defaults::new(None)?,
        })
    }

    pub(crate) fn cipher(
        &self,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Cipher, AlgorithmError> {
        fetch_once(&self.ciphers, engine, name, Cipher::by_name)
    }

    pub(crate) fn digest(
        &self,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Digest, AlgorithmError> {
        fetch_once(&self.digests, engine, name, Digest::by_name)
    }

    pub(crate) fn defaults(&self) -> &Defaults {
        &self.defaults
    }
}

fn fetch_once<T: Clone>(
    known: &RwLock<HashMap<AlgorithmKey, T>>,
    engine: Option<&Engine>,
    name: &str,
    fetch: impl FnOnce(Option<&Arc<Supplier>>, &str) -> Result<T, AlgorithmError>,
) -> Result<T, AlgorithmError> {
    let key = (
        engine.map(Engine::id).unwrap_or_default(),
        name.to_ascii_lowercase(),
    );
    if let Some(found) = locks::read(known).get(&key) {
        return Ok(found.clone());
    }
    let fetched = fetch(engine.map(|engine| &engine.supplier), &key.1)?;
    let mut known = locks::write(known);
    Ok(known.entry(key).or_insert(fetched).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fetches_an_algorithm_once() {
        let algorithms = Algorithms::new().unwrap();
        let ids: Vec<_> = ["aes128", "AES128", "aes128"]
            .map(|name| algorithms.cipher(None, name).unwrap().id())
            .into();
        assert_eq!(ids, [ids[0]; 3]);
        assert!(algorithms.cipher(None, "no such cipher").is_err());
        assert_eq!(algorithms.ciphers.read().unwrap().len(), 1);
    }

    #[test]
    fn one_algorithm_has_one_id_however_it_is_spelled() {
        let algorithms = Algorithms::new().unwrap();
        let digest = |name| algorithms.digest(None, name).unwrap().id();
        let cipher = |name| algorithms.cipher(None, name).unwrap().id();
        assert_eq!(digest("SHA"), digest("sha-1"));
        assert_eq!(digest("SHA1"), algorithms.defaults().classic_digest.id());
        assert_ne!(digest("SHA1"), digest("SHA256"));
        assert_eq!(cipher("aes256"), algorithms.defaults().ciphers[0].id());
        assert_eq!(cipher("aes256"), cipher("AES-256-CBC"));
        assert_ne!(cipher("aes256"), cipher("aes-256-gcm"));
    }
}
