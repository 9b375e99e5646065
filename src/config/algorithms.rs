//! Ciphers and digests by name, which an engine in force may replace by its own.

use std::sync::OnceLock;

use session_crypto_core::{AlgorithmError, Cipher, Digest, Engine, Fingerprint, Keyring, Origin};

use super::flaw::Flaw;
use super::setting_set::SettingSet;
use crate::advice;
use crate::ffi::Line;
use crate::message::Message;

/// The names on a line, and the algorithms that they stand for.
///
/// The line does not tell which engine will be in force. The names are looked up
/// when that is known, once for each engine.
pub(crate) struct AlgorithmNames<A> {
    words: Vec<String>,
    line: Line,
    fingerprint: Fingerprint,
    resolved: Slot<A>,
}

/// An entry of a list that only grows, because requests read it without a lock.
type Slot<A> = OnceLock<Box<Resolved<A>>>;

/// The algorithms that the names stand for under one engine.
struct Resolved<A> {
    engine: Option<usize>,
    algorithms: Vec<A>,
    next: Slot<A>,
}

/// A cipher or a digest, which a directive names.
pub(crate) trait Algorithm: Sized {
    /// The directive whose words are such names.
    const DIRECTIVE: &'static str;

    /// The setting that the directive makes.
    const SETTING: SettingSet;

    /// Looks a name up.
    fn find(keyring: &Keyring, engine: Option<&Engine>, name: &str)
    -> Result<Self, AlgorithmError>;
}

impl Algorithm for Cipher {
    const DIRECTIVE: &'static str = "SessionCryptoCipher";
    const SETTING: SettingSet = SettingSet::CIPHERS;

    fn find(
        keyring: &Keyring,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        keyring.cipher(engine, name)
    }
}

impl Algorithm for Digest {
    const DIRECTIVE: &'static str = "SessionCryptoDigest";
    const SETTING: SettingSet = SettingSet::DIGEST;

    fn find(
        keyring: &Keyring,
        engine: Option<&Engine>,
        name: &str,
    ) -> Result<Self, AlgorithmError> {
        keyring.digest(engine, name)
    }
}

impl<A: Algorithm> AlgorithmNames<A> {
    /// Takes the names on a line.
    ///
    /// # Errors
    ///
    /// In a `.htaccess` file, which is read when all engines are known: neither an
    /// engine nor OpenSSL has the name.
    pub(crate) fn new(
        keyring: &Keyring,
        words: Vec<String>,
        line: Line,
        origin: Origin,
    ) -> Result<Self, Message> {
        let lower: Vec<_> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let names = Self {
            words,
            line,
            fingerprint: Fingerprint::of(lower.iter().map(String::as_bytes)),
            resolved: Slot::new(),
        };
        // In the server configuration, a later line or an outer section may still
        // name an engine.
        if origin == Origin::Server {
            return Ok(names);
        }
        let mut reasons = Vec::new();
        for engine in keyring.engines() {
            match names.find(keyring, Some(&engine)) {
                Ok(_) => return Ok(names),
                Err(reason) => reasons.push(reason),
            }
        }
        // OpenSSL comes last, because it takes longest to say no.
        let Err(unknown) = names.find(keyring, None) else {
            return Ok(names);
        };
        // An engine that has the name, and cannot be used, has the better reason.
        let mut reasons = reasons.into_iter();
        Err(reasons.find(|reason| *reason != unknown).unwrap_or(unknown))
    }

    /// The algorithms that the names stand for, in their order.
    ///
    /// # Errors
    ///
    /// Neither the engine in force nor OpenSSL has one of them, or it cannot be
    /// used.
    #[inline(never)]
    pub(crate) fn get(&self, keyring: &Keyring, engine: Option<&Engine>) -> Result<&[A], Flaw> {
        // An engine outlives the sections under it, so its address is its own.
        let id = engine.map(|engine| std::ptr::from_ref(engine).addr());
        let mut slot = &self.resolved;
        loop {
            match slot.get() {
                Some(resolved) if resolved.engine == id => return Ok(&resolved.algorithms),
                Some(resolved) => slot = &resolved.next,
                None => {
                    let algorithms = self.look_up(keyring, engine)?;
                    // If another thread is faster, its entry is read next.
                    let _ = slot.set(Box::new(Resolved {
                        engine: id,
                        algorithms,
                        next: Slot::new(),
                    }));
                }
            }
        }
    }

    #[cold]
    fn look_up(&self, keyring: &Keyring, engine: Option<&Engine>) -> Result<Vec<A>, Flaw> {
        self.find(keyring, engine).map_err(|message| Flaw {
            line: Some(self.line.clone()),
            message: message.at(A::DIRECTIVE),
            mended_by: SettingSet::ENGINE
                .if_set(self.is_known_to_engine(keyring))
                .and(A::SETTING),
        })
    }

    /// Whether an engine of the server configuration has all of the names.
    fn is_known_to_engine(&self, keyring: &Keyring) -> bool {
        let engines = keyring.engines();
        engines
            .iter()
            .any(|engine| self.find(keyring, Some(engine)).is_ok())
    }

    /// Stands for the names in a realm.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The line on which the names stand.
    pub(crate) fn line(&self) -> &Line {
        &self.line
    }

    fn find(&self, keyring: &Keyring, engine: Option<&Engine>) -> Result<Vec<A>, Message> {
        let find = |word: &String| {
            A::find(keyring, engine, word)
                .map_err(|error| advice::algorithm(error).at(format_args!("'{word}'")))
        };
        self.words.iter().map(find).collect()
    }
}
