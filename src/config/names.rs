//! Algorithms by name, which an engine in force may turn into its own.

use std::sync::OnceLock;

use session_crypto_core::{AlgorithmError, Cipher, Digest, Engine, Fingerprint, Keyring, Origin};

use super::flaw::{Flaw, Mends};
use crate::ffi::Place;

/// The names that a line has, and what they stand for.
///
/// Which engine is in force, the section alone does not say: a name is looked
/// up when that is known, and once for each engine.
pub(crate) struct Names<T> {
    words: Vec<String>,
    place: Place,
    fingerprint: Fingerprint,
    found: Slot<T>,
}

/// A list that only grows, because requests read it without a lock.
type Slot<T> = OnceLock<Box<Found<T>>>;

/// What the names stand for under one engine.
struct Found<T> {
    engine: Option<usize>,
    values: Vec<T>,
    next: Slot<T>,
}

/// What a name can stand for.
pub(crate) trait Named: Sized {
    /// The directive that has such names.
    const DIRECTIVE: &'static str;

    /// What replaces them.
    const MENDS: Mends;

    /// Looks a name up.
    fn find(keyring: &Keyring, engine: Option<&Engine>, name: &str)
    -> Result<Self, AlgorithmError>;
}

impl Named for Cipher {
    const DIRECTIVE: &'static str = "SessionCryptoCipher";
    const MENDS: Mends = Mends::CIPHERS;

    fn find(
        keyring: &Keyring,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        keyring.cipher(engine, name)
    }
}

impl Named for Digest {
    const DIRECTIVE: &'static str = "SessionCryptoDigest";
    const MENDS: Mends = Mends::DIGEST;

    fn find(
        keyring: &Keyring,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        keyring.digest(engine, name)
    }
}

impl<T: Named> Names<T> {
    /// Takes the names of a line.
    ///
    /// # Errors
    ///
    /// In a `.htaccess` file, which is read when all engines are known: a name
    /// that none of them has.
    pub(crate) fn new(
        keyring: &Keyring,
        words: Vec<String>,
        place: Place,
        origin: Origin,
    ) -> Result<Self, String> {
        let lower: Vec<_> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let names = Self {
            words,
            place,
            fingerprint: Fingerprint::of(lower.iter().map(String::as_bytes)),
            found: Slot::new(),
        };
        // Elsewhere, an engine may come in a later line or an outer section.
        if origin == Origin::Server {
            return Ok(names);
        }
        // OpenSSL comes last, which takes longest to say no.
        let engines = keyring.engines();
        let engines = engines.iter().map(|engine| Some(engine.as_ref()));
        let mut reasons = Vec::new();
        for engine in engines.chain([None]) {
            match names.find(keyring, engine) {
                Ok(_) => return Ok(names),
                Err(reason) => reasons.push(reason),
            }
        }
        // An engine that has one of that name says why it is of no use.
        let unknown = reasons.pop().unwrap_or_default();
        let mut reasons = reasons.into_iter();
        Err(reasons.find(|reason| *reason != unknown).unwrap_or(unknown))
    }

    /// What they stand for, in their order.
    ///
    /// # Errors
    ///
    /// Neither the engine in force nor OpenSSL has one of them, or it is of no
    /// use.
    pub(crate) fn get(&self, keyring: &Keyring, engine: Option<&Engine>) -> Result<&[T], Flaw> {
        // An engine outlives the sections under it: its address is its own.
        let id = engine.map(|engine| std::ptr::from_ref(engine).addr());
        let mut slot = &self.found;
        loop {
            match slot.get() {
                Some(found) if found.engine == id => return Ok(&found.values),
                Some(found) => slot = &found.next,
                None => {
                    let values = self.find(keyring, engine).map_err(|message| Flaw {
                        place: Some(self.place.clone()),
                        message: format!("{}: {message}", T::DIRECTIVE),
                        mended_by: Mends::ENGINE.if_set(self.has_engine(keyring)).and(T::MENDS),
                    })?;
                    // Should another thread be faster, its values are next.
                    let _ = slot.set(Box::new(Found {
                        engine: id,
                        values,
                        next: Slot::new(),
                    }));
                }
            }
        }
    }

    /// Whether an engine of the server configuration has all of them.
    fn has_engine(&self, keyring: &Keyring) -> bool {
        let engines = keyring.engines();
        engines
            .iter()
            .any(|engine| self.find(keyring, Some(engine)).is_ok())
    }

    /// Stands for the names in a realm.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Where they stand.
    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    fn find(&self, keyring: &Keyring, engine: Option<&Engine>) -> Result<Vec<T>, String> {
        let find = |word: &String| {
            T::find(keyring, engine, word).map_err(|error| format!("'{word}': {error}"))
        };
        self.words.iter().map(find).collect()
    }
}
