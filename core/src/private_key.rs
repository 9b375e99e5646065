//! The private key of a certificate: in memory, or on a token, where an engine
//! or a provider uses it and nobody reads it.

use std::collections::HashMap;
use std::ffi::{CStr, CString};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use openssl::pkey::{PKey, PKeyRef, Private};
use zeroize::Zeroizing;

use crate::LibraryError;
use crate::engine::Supplier;

/// A private key that can be used, but not always be had.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    /// Read from a file.
    Memory(PKey<Private>),
    /// Behind a URI.
    Token(Arc<TokenKey>),
}

/// Where a key is, and what opens it.
pub(crate) struct TokenKey {
    tokens: Arc<Tokens>,
    uri: CString,
    pin: Option<Zeroizing<CString>>,
}

impl PrivateKey {
    /// Does something with the key.
    ///
    /// # Errors
    ///
    /// Those of `work`; or the key is on a token that is not there.
    pub(crate) fn with<T>(
        &self,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        match self {
            Self::Memory(key) => work(key),
            Self::Token(key) => key.tokens.with(key, work),
        }
    }
}

impl TokenKey {
    /// Names a key.
    pub(crate) fn new(tokens: &Arc<Tokens>, uri: CString, pin: Option<Zeroizing<CString>>) -> Self {
        Self {
            tokens: tokens.clone(),
            uri,
            pin,
        }
    }

    fn pin(&self) -> Option<&CStr> {
        self.pin.as_ref().map(|pin| pin.as_c_str())
    }
}

/// The handles of an engine's or provider's keys.
///
/// A token may be taken away and come back. Then no handle works any more, and
/// an engine for PKCS#11 gives out the old ones again unless it is stopped and
/// started; for which nobody may be using any of them.
pub(crate) struct Tokens {
    supplier: Arc<Supplier>,
    handles: RwLock<Handles>,
    /// This process is another than the one that made the handles.
    is_inherited: AtomicBool,
}

#[derive(Default)]
struct Handles {
    keys: HashMap<CString, Handle>,
    /// When the supplier was last started again.
    restarted: Option<Instant>,
    /// How often it was.
    generation: u64,
}

struct Handle {
    key: PKey<Private>,
    /// Looked for in this process, not just inherited.
    is_ours: bool,
}

/// How long to wait before a token that has gone is looked for again: each
/// time may take it seconds.
const PATIENCE: Duration = Duration::from_secs(1);

impl Tokens {
    pub(crate) fn new(supplier: &Arc<Supplier>) -> Self {
        Self {
            supplier: supplier.clone(),
            handles: RwLock::default(),
            is_inherited: AtomicBool::new(false),
        }
    }

    fn with<T>(
        &self,
        name: &TokenKey,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        let attempt = || {
            let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
            let usable = handles.keys.get(&name.uri).filter(|handle| handle.is_ours);
            (handles.generation, usable.map(|handle| work(&handle.key)))
        };
        let (generation, error) = match attempt() {
            (_, Some(Ok(done))) => return Ok(done),
            (generation, Some(Err(error))) => (generation, Some(error)),
            (generation, None) => (generation, None),
        };
        match error {
            None => self.look_for(name)?,
            Some(error) if !self.start_again(generation, &error, name) => return Err(error),
            Some(_) => {}
        }
        attempt().1.unwrap_or_else(|| {
            Err(LibraryError::because(
                "use the private key",
                "its token is not there",
            ))
        })
    }

    /// Loads a key that this process has not used yet, or has lost.
    ///
    /// One that a child has inherited is looked for as well: with the token
    /// gone, an engine for PKCS#11 that is asked to use the key right away may
    /// wait for ever (libp11 0.4.12), while one that is asked for it says no.
    fn look_for(&self, name: &TokenKey) -> Result<(), LibraryError> {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        let known = handles.keys.get(&name.uri);
        if known.is_some_and(|known| known.is_ours) {
            return Ok(());
        }
        // Not the first time, which a wrong PIN would cost a second attempt.
        let was_there = known.is_some() || handles.generation > 0;
        let fail = |stack| LibraryError::new("load the private key", &stack);
        match self.supplier.private_key(&name.uri, name.pin()) {
            Ok(key) => {
                let handle = Handle { key, is_ours: true };
                handles.keys.insert(name.uri.clone(), handle);
                Ok(())
            }
            Err(stack) if was_there => self.cycle(&mut handles, name).ok_or_else(|| fail(stack)),
            Err(stack) => Err(fail(stack)),
        }
    }

    /// Loads a key anew that has failed, unless another thread has done so
    /// since `generation`. Says whether another attempt is worth it.
    fn start_again(&self, generation: u64, error: &LibraryError, name: &TokenKey) -> bool {
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        if handles.generation != generation {
            return true;
        }
        // Stopped while the module under it does not run, the engine crashes;
        // and such a module comes back by itself.
        !error.is(NOT_INITIALIZED) && self.cycle(&mut handles, name).is_some()
    }

    /// Lets go of every handle, starts the supplier again and loads one key;
    /// `None` if that fails, or was tried a moment ago.
    fn cycle(&self, handles: &mut Handles, name: &TokenKey) -> Option<()> {
        let recently = |at: Instant| at.elapsed() < PATIENCE;
        if handles.restarted.is_some_and(recently) {
            return None;
        }
        handles.restarted = Some(Instant::now());
        handles.generation = handles.generation.wrapping_add(1);
        for (_, handle) in handles.keys.drain() {
            self.supplier.release(handle.key);
        }
        self.supplier.restart().ok()?;
        let key = self.supplier.private_key(&name.uri, name.pin()).ok()?;
        let handle = Handle { key, is_ours: true };
        handles.keys.insert(name.uri.clone(), handle);
        Some(())
    }

    /// Notes that this process is another than the one that made the handles.
    pub(crate) fn after_fork(&self) {
        self.is_inherited.store(true, Ordering::Relaxed);
        self.supplier.after_fork();
        let mut handles = self.handles.write().unwrap_or_else(PoisonError::into_inner);
        for handle in handles.keys.values_mut() {
            handle.is_ours = false;
        }
    }
}

/// OpenSSL's words for `CKR_CRYPTOKI_NOT_INITIALIZED` of PKCS#11.
const NOT_INITIALIZED: &str = "Cryptoki not initialized";

impl Drop for Tokens {
    fn drop(&mut self) {
        let handles = self
            .handles
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        for (_, handle) in handles.keys.drain() {
            if self.is_inherited.load(Ordering::Relaxed) {
                // The parent's to let go of; this process is at its end.
                mem::forget(handle.key);
            } else {
                self.supplier.release(handle.key);
            }
        }
    }
}
