//! The certificates and private keys that an engine or a provider has behind URIs, as on
//! a hardware token. The engine or provider uses such a private key for us, and does not
//! reveal it.

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
use crate::panics::locks;
use crate::passphrase::passphrase::Passphrase;

/// A private key behind a URI.
pub(crate) struct HardwareKey {
    hardware: Arc<Hardware>,
    name: ObjectName,
}

/// The name of a certificate or a private key: its URI, and the PIN that opens it.
#[derive(Clone)]
pub(crate) struct ObjectName {
    uri: CString,
    /// The PIN, with the id of the passphrase that it is. The id identifies the PIN
    /// without revealing it.
    pin: Option<(u64, Zeroizing<CString>)>,
}

impl HardwareKey {
    /// Names a key; the first use looks for it.
    pub(crate) fn new(hardware: &Arc<Hardware>, name: ObjectName) -> Self {
        Self {
            hardware: hardware.clone(),
            name,
        }
    }

    /// Uses the key for `work`, which may be called twice.
    ///
    /// # Errors
    ///
    /// The errors of `work`, or the hardware token is not there.
    pub(crate) fn with<T>(
        &self,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        self.hardware.with(&self.name, work)
    }
}

impl ObjectName {
    /// Makes the name of a URI and the passphrase that is the PIN.
    ///
    /// # Errors
    ///
    /// The URI or the passphrase has a NUL byte.
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

    /// A PIN on one hardware token, whatever the object: from the attributes of the URI
    /// (RFC 7512) without those that name the object.
    fn pin_id(&self) -> PinId {
        let path = self.uri.to_bytes().split(|byte| *byte == b'?').next();
        let names_the_hardware_token = |attribute: &&[u8]| {
            let name = attribute.split(|byte| *byte == b'=').next();
            !matches!(name, Some(b"object" | b"id" | b"type"))
        };
        let body = path.unwrap_or_default();
        let body = body.strip_prefix(b"pkcs11:").unwrap_or(body);
        let mut attributes: Vec<_> = body
            .split(|byte| *byte == b';')
            .filter(names_the_hardware_token)
            .collect();
        attributes.sort_unstable();
        let hardware_token = attributes.join(&b';');
        (hardware_token, self.pin.as_ref().map(|(id, _)| *id))
    }

    fn id(&self) -> ObjectId {
        (self.uri.clone(), self.pin.as_ref().map(|(id, _)| *id))
    }
}

/// A URI, and the id of the passphrase that is the PIN.
type ObjectId = (CString, Option<u64>);

/// The attributes of a URI that name a hardware token, and the id of the passphrase that
/// is the PIN.
type PinId = (Vec<u8>, Option<u64>);

/// The keys and certificates that one supplier has behind URIs, with a handle of each
/// key in use.
///
/// One thread at a time looks for a key or a certificate, under the write lock: an
/// engine for PKCS#11 does not lock these calls itself (libp11 0.4.12).
///
/// A hardware token may be removed and inserted again. No handle works after that, and
/// such an engine returns the old handles until it is stopped and started. No thread may
/// use a handle meanwhile, so the restart holds the write lock and a use the read lock.
pub(crate) struct Hardware {
    supplier: Arc<Supplier>,
    handles: RwLock<Handles>,
    /// Whether this process is a child of the process that made the handles.
    is_inherited: AtomicBool,
}

#[derive(Default)]
struct Handles {
    keys: HashMap<ObjectId, Handle>,
    /// The objects that were not there when they were last looked for.
    missing: HashMap<ObjectId, Missing>,
    /// The PINs that were wrong. They are never tried again, because a hardware token
    /// counts wrong attempts.
    wrong_pins: HashSet<PinId>,
    /// The time of the supplier's last restart.
    restarted: Option<Instant>,
    /// The number of restarts.
    generation: u64,
}

struct Handle {
    key: PKey<Private>,
    /// Whether this process has looked for the key itself, and has not only inherited
    /// the handle.
    is_ours: bool,
}

struct Missing {
    error: LibraryError,
    since: Instant,
}

/// The time between two looks for a missing hardware token: each look may take seconds.
const PATIENCE: Duration = Duration::from_secs(1);

impl Hardware {
    pub(crate) fn new(supplier: &Arc<Supplier>) -> Self {
        Self {
            supplier: supplier.clone(),
            handles: RwLock::default(),
            is_inherited: AtomicBool::new(false),
        }
    }

    /// Loads the certificate of a name.
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
            let handles = locks::read(&self.handles);
            let usable = handles.keys.get(&id).filter(|handle| handle.is_ours);
            let outcome = usable.map(|handle| work(&handle.key));
            (handles.generation, outcome, handles.recently_missing(&id))
        };
        let (generation, outcome, missing) = attempt();
        match (outcome, missing) {
            (Some(Ok(done)), _) => return Ok(done),
            (Some(Err(error)), _) => {
                if !self.reload(generation, &error, name) {
                    return Err(error);
                }
            }
            (None, Some(error)) => return Err(error),
            (None, None) => self.look_for(name)?,
        }
        attempt().1.unwrap_or_else(|| {
            Err(LibraryError::because(
                "use the private key",
                "its hardware token is not there",
            ))
        })
    }

    /// Loads a key that this process has not used yet, or has lost.
    ///
    /// A child looks for an inherited key again before the first use. Without its
    /// hardware token, an engine for PKCS#11 fails to find the key, but may wait for
    /// ever when it uses the key (libp11 0.4.12).
    fn look_for(&self, name: &ObjectName) -> Result<(), LibraryError> {
        let mut handles = self.write();
        let known = handles.keys.get(&name.id());
        if known.is_some_and(|known| known.is_ours) {
            return Ok(());
        }
        // A restart after the very first look would try a wrong PIN twice.
        let was_there = known.is_some() || handles.generation > 0;
        match self.load(&mut handles, name) {
            Err(_) if was_there && self.restart(&mut handles) => self.load(&mut handles, name),
            outcome => outcome,
        }
    }

    /// Loads a failed key again, unless another thread has restarted the supplier since
    /// `generation`. Says whether another attempt is worth it.
    fn reload(&self, generation: u64, error: &LibraryError, name: &ObjectName) -> bool {
        let mut handles = self.write();
        if handles.generation != generation {
            return true;
        }
        // The engine crashes when it is stopped while its PKCS#11 module is not
        // initialized. Such a module comes back by itself.
        !error.is(NOT_INITIALIZED)
            && self.restart(&mut handles)
            && self.load(&mut handles, name).is_ok()
    }

    /// Releases every handle and restarts the supplier. Says whether it did: not within
    /// [`PATIENCE`] of the last restart, and not if the supplier does not start.
    fn restart(&self, handles: &mut Handles) -> bool {
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
        locks::write(&self.handles)
    }

    /// Notes that this process is a child of the process that made the handles.
    pub(crate) fn after_fork(&self) {
        self.is_inherited.store(true, Ordering::Relaxed);
        self.supplier.after_fork();
        for handle in self.write().keys.values_mut() {
            handle.is_ours = false;
        }
    }
}

impl Handles {
    /// Calls `ask` for an object, unless it was missing less than [`PATIENCE`] ago or its
    /// PIN is known to be wrong.
    fn look<T>(
        &mut self,
        name: &ObjectName,
        action: &'static str,
        ask: impl FnOnce() -> Result<T, ErrorStack>,
    ) -> Result<T, LibraryError> {
        let id = name.id();
        if let Some(error) = self.recently_missing(&id) {
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
        if stack.errors().iter().any(is_about_the_pin) {
            self.wrong_pins.insert(name.pin_id());
        }
        let missing = Missing {
            error: error.clone(),
            since: Instant::now(),
        };
        self.missing.insert(id, missing);
        Err(error)
    }

    /// The error of an object that was missing less than [`PATIENCE`] ago.
    fn recently_missing(&self, id: &ObjectId) -> Option<LibraryError> {
        let missing = self.missing.get(id)?;
        (missing.since.elapsed() < PATIENCE).then(|| missing.error.clone())
    }
}

/// The reason why a PIN is not tried.
const WRONG_PIN: &str = "the PIN was wrong before, and the hardware token would count it again";

/// Whether an engine says that a PIN is wrong, locked or expired (`CKR_PIN_...`
/// of PKCS#11, in libp11's words).
fn is_about_the_pin(error: &openssl::error::Error) -> bool {
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
                // Only the parent releases its handles; this process is about to end.
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
    fn a_wrong_pin_is_wrong_for_every_object_of_the_hardware_token() {
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

    #[test]
    fn a_name_with_a_nul_byte_is_an_error() {
        assert!(ObjectName::new("pkcs11:object=a\0b", None).is_err());
        let pin = Passphrase::new(b"12\x0034", 1).unwrap();
        assert!(ObjectName::new("pkcs11:object=a", Some(&pin)).is_err());
    }
}
