//! A key file, with the keys in force.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, RwLock};
use std::thread;

use session_crypto_core::{
    Fingerprint, KeySet, KeySetFile, KeySetFlaw, KeySetWatch, Keyring, locks,
};

use super::shared_text::SharedText;
use super::watch::Watch;
use crate::advice;
use crate::ffi::{OneWay, Parms};
use crate::message::Message;
use crate::secrets::exposed;
use crate::secrets::programs::{EXEC, Programs};

/// Tries to read a text that the parent may be writing, before the keys in force have to do.
const TRIES: usize = 1000;

/// A file with a JWK Set, or a program that prints one. All sections that name it share it.
pub(crate) struct KeyFile {
    /// The name in messages, in which bytes that are no text look alike.
    pub(super) shown: String,
    /// The fingerprint of the name.
    fingerprint: Fingerprint,
    /// `None` for a program, which only a restart runs again.
    pub(super) path: Option<PathBuf>,
    in_force: RwLock<KeysInForce>,
    /// The generation of the keys in force.
    generation: AtomicU64,
    /// Held by the thread that takes new keys over.
    taking: Mutex<()>,
    pub(super) shared: OnceLock<SharedText>,
    /// Used by the parent alone.
    pub(super) watch: Mutex<Watch>,
    /// Warns of the rights of the file.
    warning: Option<Message>,
}

/// The keys of a file at one time.
#[derive(Clone)]
pub(crate) struct KeysInForce {
    pub(crate) keys: Arc<KeySet>,
    /// A number that differs after each change.
    pub(crate) generation: u64,
}

impl KeyFile {
    /// Reads a file at a Unix time in seconds, when the configuration is read.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no JWK Set, or has no key that seals now.
    pub(super) fn read(
        parms: &Parms<'_>,
        keyring: &Keyring,
        path: PathBuf,
        now: u64,
    ) -> Result<Self, Message> {
        let shown = path.to_string_lossy().into_owned();
        let wrong = |flaw| advice::key_set_flaw(&flaw).after(&shown);
        let file = KeySetFile::read(&path).map_err(|error| wrong(KeySetFlaw::File(error)))?;
        let keys = file
            .keys(now)
            .map_err(|error| wrong(KeySetFlaw::Set(error)))?;
        keyring.name_keys(&keys, &shown, now);
        let place = format!("{}: SessionCryptoKeyFile: {shown}", parms.line());
        let warning = file.exposure().map(|exposure| exposed(&place, exposure));
        let fingerprint = Fingerprint::of([path.as_os_str().as_bytes()]);
        Ok(Self {
            path: Some(path),
            warning,
            watch: Mutex::new(Watch::new(KeySetWatch::new(&file, now), &keys)),
            ..Self::new(shown, fingerprint, keys)
        })
    }

    /// Runs a program at a Unix time in seconds, when the configuration is read.
    ///
    /// # Errors
    ///
    /// It fails, or what it prints is no JWK Set with a key that seals now.
    pub(super) fn run(
        parms: &Parms<'_>,
        keyring: &Keyring,
        programs: &Programs,
        command: &CStr,
        now: u64,
    ) -> Result<Self, Message> {
        let shown = format!("exec:{}", command.to_string_lossy());
        let keys = programs.with_program(parms, command, |program| {
            let text = program
                .output()
                .map_err(|error| advice::program(&error, "JWK Set"))?;
            KeySet::parse_at(&text, now)
                .map_err(|error| advice::key_set(&error).after("printed a text that"))
        })?;
        keyring.name_keys(&keys, &shown, now);
        let fingerprint = Fingerprint::of([EXEC, command.to_bytes()]);
        Ok(Self::new(shown, fingerprint, keys))
    }

    fn new(shown: String, fingerprint: Fingerprint, keys: KeySet) -> Self {
        Self {
            shown,
            fingerprint,
            path: None,
            watch: Mutex::new(Watch::new(KeySetWatch::default(), &keys)),
            in_force: RwLock::new(KeysInForce {
                keys: Arc::new(keys),
                generation: 0,
            }),
            generation: AtomicU64::new(0),
            taking: Mutex::new(()),
            shared: OnceLock::new(),
            warning: None,
        }
    }

    /// The keys in force. If the parent has read new ones, they are taken over first: another
    /// child may have sealed with them already. If it has not, that costs one comparison.
    pub(crate) fn keys(&self, keyring: &Keyring) -> KeysInForce {
        if let Some(shared) = self.shared.get() {
            if self.is_behind(shared) {
                self.take_over(shared, keyring);
            }
        }
        self.in_force()
    }

    /// Whether the parent has read other keys than those in force.
    fn is_behind(&self, shared: &SharedText) -> bool {
        shared.generation() != self.generation.load(Ordering::Relaxed)
    }

    pub(super) fn in_force(&self) -> KeysInForce {
        locks::read(&self.in_force).clone()
    }

    /// Puts keys in force in this process.
    pub(super) fn put_in_force(&self, keys: KeysInForce, keyring: &Keyring) {
        let generation = keys.generation;
        *locks::write(&self.in_force) = keys;
        self.generation.store(generation, Ordering::Relaxed);
        keyring.forget_replaced_keys();
    }

    /// Takes the keys over that the parent has read; other threads wait for that.
    #[cold]
    fn take_over(&self, shared: &SharedText, keyring: &Keyring) {
        let _taking = locks::lock(&self.taking);
        for _ in 0..TRIES {
            if !self.is_behind(shared) {
                return;
            }
            let Some((generation, text)) = shared.read() else {
                // The parent is writing, which takes it some microseconds.
                thread::yield_now();
                continue;
            };
            // The parent has parsed the same text, or one whose keys have all ended since. The
            // keys before it are over then too.
            let keys = KeySet::parse(&text).unwrap_or_else(|_| KeySet::without_keys());
            keyring.find_keys(&keys, &self.shown);
            let keys = KeysInForce {
                keys: Arc::new(keys),
                generation,
            };
            self.put_in_force(keys, keyring);
            return;
        }
    }

    /// Gets a part of the memory that children share, by its number.
    pub(super) fn share(&self, memory: &Arc<OneWay>, number: usize) {
        let _ = self.shared.set(SharedText::new(memory.clone(), number));
    }

    /// Stands for the file in a realm. The keys do not count: a change of them does not
    /// separate the requests of a chain.
    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// The warning about the rights of the file.
    pub(crate) fn warning(&self) -> Option<&Message> {
        self.warning.as_ref()
    }
}
