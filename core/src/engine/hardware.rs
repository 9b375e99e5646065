//! What an engine or a provider has behind URIs: certificates, and private keys
//! that it uses and nobody reads.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString};
use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};
use std::time::{Duration, Instant};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, PKeyRef, Private};
use openssl::x509::X509;
use zeroize::Zeroizing;

use crate::error::LibraryError;
use crate::libcrypto::supplier::Supplier;
use crate::passphrase::passphrase::Passphrase;

/// Where a key is, and what opens it.
pub(crate) struct HardwareKey {
    hardware: Arc<Hardware>,
    name: ObjectName,
}

/// What is behind a URI, under a PIN.
#[derive(Clone)]
pub(crate) struct ObjectName {
    uri: CString,
    /// The number of a passphrase goes by it where nobody need see it.
    pin: Option<(u64, Zeroizing<CString>)>,
}

impl HardwareKey {
    /// Names a key.
    pub(crate) fn new(hardware: &Arc<Hardware>, name: ObjectName) -> Self {
        Self {
            hardware: hardware.clone(),
            name,
        }
    }

    /// Does something with the key.
    ///
    /// # Errors
    ///
    /// Those of `work`; or the hardware token is not there.
    pub(crate) fn with<T>(
        &self,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        self.hardware.with(&self.name, work)
    }
}

impl ObjectName {
    /// Takes a URI, and the passphrase that is the PIN.
    ///
    /// # Errors
    ///
    /// One of them has a NUL byte.
    pub(crate) fn new(uri: &str, pin: Option<&Passphrase>) -> Result<Self, LibraryError> {
        let text = |bytes: &[u8]| {
            CString::new(bytes).map_err(|_| {
                LibraryError::because("load a key", "there is a NUL byte in its name or its PIN")
            })
        };
        let pin = match pin {
            Some(pin) => Some((pin.id(), Zeroizing::new(text(pin.secret())?))),
            None => None,
        };
        Ok(Self {
            uri: text(uri.as_bytes())?,
            pin,
        })
    }

    fn pin(&self) -> Option<&CStr> {
        self.pin.as_ref().map(|(_, pin)| pin.as_c_str())
    }

    /// The same for everything on one token, as its URI names it (RFC 7512):
    /// without what names the object.
    fn pin_id(&self) -> PinId {
        let path = self.uri.to_bytes().split(|byte| *byte == b'?').next();
        let is_of_token = |attribute: &&[u8]| {
            let name = attribute.split(|byte| *byte == b'=').next();
            !matches!(name, Some(b"object" | b"id" | b"type"))
        };
        let body = path.unwrap_or_default();
        let body = body.strip_prefix(b"pkcs11:").unwrap_or(body);
        let mut attributes: Vec<_> = body
            .split(|byte| *byte == b';')
            .filter(is_of_token)
            .collect();
        attributes.sort_unstable();
        let token = attributes.join(&b';');
        (token, self.pin.as_ref().map(|(id, _)| *id))
    }

    fn id(&self) -> ObjectId {
        (self.uri.clone(), self.pin.as_ref().map(|(id, _)| *id))
    }
}

/// A URI, and the number of a passphrase.
type ObjectId = (CString, Option<u64>);

/// What a URI says of a token, and the number of a passphrase.
type PinId = (Vec<u8>, Option<u64>);

/// What an engine or a provider has behind URIs, and the handles of its keys.
///
/// Whoever asks for something does so alone: an engine for PKCS#11 does not look
/// after itself there (libp11 0.4.12). And a token may be taken away and come
/// back. Then no handle works any more, and such an engine gives out the old ones
/// again unless it is stopped and started; for which nobody may be using any of
/// them.
pub(crate) struct Hardware {
    supplier: Arc<Supplier>,
    handles: RwLock<Handles>,
    /// This process is another than the one that made the handles.
    is_inherited: AtomicBool,
}

#[derive(Default)]
struct Handles {
    keys: HashMap<ObjectId, Handle>,
    /// What was not there when it was looked for.
    missing: HashMap<ObjectId, Missing>,
    /// PINs that were wrong, and are never tried again: a token counts.
    wrong_pins: HashSet<PinId>,
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

struct Missing {
    error: LibraryError,
    since: Instant,
}

/// How long to wait before a token that has gone is looked for again: each
/// time may take it seconds.
const PATIENCE: Duration = Duration::from_secs(1);

impl Hardware {
    pub(crate) fn new(supplier: &Arc<Supplier>) -> Self {
        Self {
            supplier: supplier.clone(),
            handles: RwLock::default(),
            is_inherited: AtomicBool::new(false),
        }
    }

    /// The certificate behind a URI.
    pub(crate) fn certificate(&self, name: &ObjectName) -> Result<X509, LibraryError> {
        self.write().look(name, "load the certificate", || {
            self.supplier.certificate(&name.uri, name.pin())
        })
    }

    fn with<T>(
        &self,
        name: &ObjectName,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        let id = name.id();
        let attempt = || {
            let handles = self.handles.read().unwrap_or_else(PoisonError::into_inner);
            let usable = handles.keys.get(&id).filter(|handle| handle.is_ours);
            let outcome = usable.map(|handle| work(&handle.key));
            (handles.generation, outcome, handles.is_missing(&id))
        };
        let (generation, outcome, missing) = attempt();
        match (outcome, missing) {
            (Some(Ok(done)), _) => return Ok(done),
            (Some(Err(error)), _) => {
                if !self.start_again(generation, &error, name) {
                    return Err(error);
                }
            }
            (None, Some(error)) => return Err(error),
            (None, None) => self.look_for(name)?,
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
    fn look_for(&self, name: &ObjectName) -> Result<(), LibraryError> {
        let mut handles = self.write();
        let known = handles.keys.get(&name.id());
        if known.is_some_and(|known| known.is_ours) {
            return Ok(());
        }
        // Not the first time, which would cost a wrong PIN a second attempt.
        let was_there = known.is_some() || handles.generation > 0;
        match self.load(&mut handles, name) {
            Err(_) if was_there && self.cycle(&mut handles) => self.load(&mut handles, name),
            outcome => outcome,
        }
    }

    /// Loads a key anew that has failed, unless another thread has done so
    /// since `generation`. Says whether another attempt is worth it.
    fn start_again(&self, generation: u64, error: &LibraryError, name: &ObjectName) -> bool {
        let mut handles = self.write();
        if handles.generation != generation {
            return true;
        }
        // Stopped while the module under it does not run, the engine crashes;
        // and such a module comes back by itself.
        !error.is(NOT_INITIALIZED)
            && self.cycle(&mut handles)
            && self.load(&mut handles, name).is_ok()
    }

    /// Lets go of every handle and starts the supplier again; says whether it
    /// did, and not a moment ago.
    fn cycle(&self, handles: &mut Handles) -> bool {
        let recently = |at: Instant| at.elapsed() < PATIENCE;
        if handles.restarted.is_some_and(recently) {
            return false;
        }
        handles.restarted = Some(Instant::now());
        handles.generation = handles.generation.wrapping_add(1);
        handles.missing.clear();
        for (_, handle) in handles.keys.drain() {
            self.supplier.release(handle.key);
        }
        self.supplier.restart().is_ok()
    }

    fn load(&self, handles: &mut Handles, name: &ObjectName) -> Result<(), LibraryError> {
        let key = handles.look(name, "load the private key", || {
            self.supplier.private_key(&name.uri, name.pin())
        })?;
        let handle = Handle { key, is_ours: true };
        handles.keys.insert(name.id(), handle);
        Ok(())
    }

    fn write(&self) -> RwLockWriteGuard<'_, Handles> {
        self.handles.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that this process is another than the one that made the handles.
    pub(crate) fn after_fork(&self) {
        self.is_inherited.store(true, Ordering::Relaxed);
        self.supplier.after_fork();
        for handle in self.write().keys.values_mut() {
            handle.is_ours = false;
        }
    }
}

impl Handles {
    /// Asks for something, unless it was not there a moment ago.
    fn look<T>(
        &mut self,
        name: &ObjectName,
        action: &'static str,
        ask: impl FnOnce() -> Result<T, ErrorStack>,
    ) -> Result<T, LibraryError> {
        let id = name.id();
        if let Some(error) = self.is_missing(&id) {
            return Err(error);
        }
        if self.wrong_pins.contains(&name.pin_id()) {
            return Err(LibraryError::because(action, WRONG_PIN));
        }
        let stack = match ask() {
            Ok(found) => {
                self.missing.remove(&id);
                return Ok(found);
            }
            Err(stack) => stack,
        };
        let error = LibraryError::new(action, &stack);
        if stack.errors().iter().any(is_of_pin) {
            self.wrong_pins.insert(name.pin_id());
        }
        let missing = Missing {
            error: error.clone(),
            since: Instant::now(),
        };
        self.missing.insert(id, missing);
        Err(error)
    }

    /// Why something is not there, if that need not be asked again yet.
    fn is_missing(&self, id: &ObjectId) -> Option<LibraryError> {
        let missing = self.missing.get(id)?;
        (missing.since.elapsed() < PATIENCE).then(|| missing.error.clone())
    }
}

/// Why a PIN is not tried.
const WRONG_PIN: &str = "the PIN was wrong before, and the token would count it again";

/// Whether an engine says that a PIN is wrong, locked or expired (`CKR_PIN_...`
/// of PKCS#11, in libp11's words).
fn is_of_pin(error: &openssl::error::Error) -> bool {
    error
        .reason()
        .is_some_and(|reason| reason.starts_with("PIN "))
}

/// OpenSSL's words for `CKR_CRYPTOKI_NOT_INITIALIZED` of PKCS#11.
const NOT_INITIALIZED: &str = "Cryptoki not initialized";

impl Drop for Hardware {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_pin_is_that_of_a_token_whatever_the_object() {
        let passphrase = |id| Passphrase::new(b"12345", id).unwrap();
        let (one, other) = (passphrase(1), passphrase(2));
        let id = |uri, pin| ObjectName::new(uri, pin).unwrap().pin_id();
        let first = id("pkcs11:token=t;object=a;type=private", Some(&one));
        assert_eq!(first, id("pkcs11:object=b;token=t;id=%01", Some(&one)));
        assert_eq!(first, id("pkcs11:token=t?module-name=m", Some(&one)));
        for (uri, pin) in [
            ("pkcs11:token=u;object=a", Some(&one)),
            ("pkcs11:token=t;serial=1", Some(&one)),
            ("pkcs11:token=t;object=a", Some(&other)),
            ("pkcs11:token=t;object=a", None),
            ("pkcs11:token=t;pin-value=1", Some(&one)),
        ] {
            assert_ne!(first, id(uri, pin), "{uri}");
        }
    }
}
