//! Engines: `<openssl/engine.h>`, which the openssl crate does not wrap.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicBool, Ordering};

use foreign_types::ForeignType;
use libc::c_int;
use openssl::cipher::Cipher;
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use openssl_sys::{ENGINE, EVP_CIPHER, EVP_MD, EVP_PKEY, X509 as RawX509};

use crate::libcrypto::pin::{PinMethod, UiMethod};

/// The callback by which an engine offers its ciphers or digests. Asked for none,
/// it sets a list of their numbers; asked for a number, it sets that algorithm
/// (`ENGINE_CIPHERS_PTR` of engine.h).
type Offer<T> = unsafe extern "C" fn(*mut ENGINE, *mut *const T, *mut *const c_int, c_int) -> c_int;

unsafe extern "C" {
    fn ENGINE_by_id(id: *const c_char) -> *mut ENGINE;
    fn ENGINE_init(engine: *mut ENGINE) -> c_int;
    fn ENGINE_finish(engine: *mut ENGINE) -> c_int;
    fn ENGINE_free(engine: *mut ENGINE) -> c_int;
    fn ENGINE_get_ciphers(engine: *const ENGINE) -> Option<Offer<EVP_CIPHER>>;
    fn ENGINE_get_digests(engine: *const ENGINE) -> Option<Offer<EVP_MD>>;
    fn ENGINE_get_cipher(engine: *mut ENGINE, nid: c_int) -> *const EVP_CIPHER;
    fn ENGINE_get_digest(engine: *mut ENGINE, nid: c_int) -> *const EVP_MD;
    fn ENGINE_load_private_key(
        engine: *mut ENGINE,
        id: *const c_char,
        method: *mut UiMethod,
        data: *mut c_void,
    ) -> *mut EVP_PKEY;
    fn ENGINE_ctrl_cmd(
        engine: *mut ENGINE,
        name: *const c_char,
        number: libc::c_long,
        pointer: *mut c_void,
        function: *const c_void,
        optional: c_int,
    ) -> c_int;
    fn ENGINE_ctrl_cmd_string(
        engine: *mut ENGINE,
        name: *const c_char,
        argument: *const c_char,
        optional: c_int,
    ) -> c_int;
    fn UI_null() -> *const c_void;
    fn EVP_PKEY_set1_engine(key: *mut EVP_PKEY, engine: *mut ENGINE) -> c_int;
    fn OBJ_nid2ln(nid: c_int) -> *const c_char;
    fn OBJ_nid2sn(nid: c_int) -> *const c_char;
    fn OPENSSL_init_crypto(options: u64, settings: *const c_void) -> c_int;
}

/// `OPENSSL_INIT_ENGINE_DYNAMIC` of `<openssl/crypto.h>`: the built-in engine that
/// loads others from files. The other built-in engines would become defaults.
const INIT_ENGINE_DYNAMIC: u64 = 0x400;

/// A started engine, which this value stops when it is dropped.
///
/// The comments about PKCS#11 describe libp11 0.4.12 (`eng_front.c`), the engine
/// of most hardware tokens.
pub(crate) struct Engine {
    raw: NonNull<ENGINE>,
    is_started: AtomicBool,
    is_inherited: AtomicBool,
}

// SAFETY: an engine belongs to no thread: OpenSSL counts the references to it under
// a lock of its own (ENGINE_init(3)).
unsafe impl Send for Engine {}
// SAFETY: the algorithms of an engine serve every thread of a process
// (ENGINE_init(3)). One thread at a time asks for keys and certificates: `Hardware`
// asks under its write lock.
unsafe impl Sync for Engine {}

impl Engine {
    /// Finds an engine by its name, loads it if need be, and starts it.
    ///
    /// OpenSSL makes a path of the name, so the caller has checked the name.
    pub(crate) fn start(name: &str) -> Result<Self, ErrorStack> {
        let name = CString::new(name).map_err(|_| ErrorStack::get())?;
        // SAFETY: no settings; the call may be repeated (OPENSSL_init_crypto(3)).
        unsafe { OPENSSL_init_crypto(INIT_ENGINE_DYNAMIC, ptr::null()) };
        // SAFETY: `name` is a C string that outlives the call, which only reads it.
        let engine = NonNull::new(unsafe { ENGINE_by_id(name.as_ptr()) });
        let engine = engine.ok_or_else(ErrorStack::get)?;
        // PKCS#11 would write its errors to standard error besides the queue.
        // SAFETY: the engine is live, and the command takes no argument. The last
        // argument allows that an engine does not know it (ENGINE_ctrl_cmd_string(3)).
        unsafe { ENGINE_ctrl_cmd_string(engine.as_ptr(), c"QUIET".as_ptr(), ptr::null(), 1) };
        // An engine that asks for more than the PIN it is told would ask on the
        // terminal where httpd is started.
        // SAFETY: a query without arguments.
        let null_method = unsafe { UI_null() };
        // SAFETY: the engine is live, and the method is a static one of OpenSSL's that
        // never answers (UI_null(3)). The last argument allows that an engine does not
        // know the command (ENGINE_ctrl_cmd(3)).
        unsafe {
            ENGINE_ctrl_cmd(
                engine.as_ptr(),
                c"SET_USER_INTERFACE".as_ptr(),
                0,
                null_method.cast_mut(),
                ptr::null(),
                1,
            )
        };
        // SAFETY: ENGINE_by_id gave us a structural reference, which keeps the engine
        // live.
        let started = unsafe { ENGINE_init(engine.as_ptr()) } == 1;
        let failure = (!started).then(ErrorStack::get);
        // SAFETY: the structural reference is ours to give up. ENGINE_init took a
        // functional reference, which keeps a started engine live (ENGINE_init(3)).
        unsafe { ENGINE_free(engine.as_ptr()) };
        // ENGINE_by_id leaves the errors of its first attempts on the queue.
        let _ = ErrorStack::get();
        match failure {
            Some(stack) => Err(stack),
            None => Ok(Self {
                raw: engine,
                is_started: AtomicBool::new(true),
                is_inherited: AtomicBool::new(false),
            }),
        }
    }

    /// The engine's own implementation of a cipher, by any name of OpenSSL's
    /// for it, in any case.
    ///
    /// The engine owns the cipher: drop the cipher first.
    pub(crate) fn cipher(&self, name: &str) -> Option<Cipher> {
        // SAFETY: `self` keeps the engine live; the call only reads it.
        let offer = unsafe { ENGINE_get_ciphers(self.raw.as_ptr()) }?;
        let nid = self.find(offer, name)?;
        // SAFETY: `self` keeps the engine live, and the number is from its list.
        let cipher = unsafe { ENGINE_get_cipher(self.raw.as_ptr(), nid) };
        let cipher = NonNull::new(cipher.cast_mut())?;
        // SAFETY: a live EVP_CIPHER of the engine; freeing one that was not fetched
        // does nothing (EVP_CIPHER_free(3)).
        Some(unsafe { Cipher::from_ptr(cipher.as_ptr()) })
    }

    /// The engine's own implementation of a digest, as [`Engine::cipher`].
    pub(crate) fn digest(&self, name: &str) -> Option<Md> {
        // SAFETY: `self` keeps the engine live; the call only reads it.
        let offer = unsafe { ENGINE_get_digests(self.raw.as_ptr()) }?;
        let nid = self.find(offer, name)?;
        // SAFETY: `self` keeps the engine live, and the number is from its list.
        let digest = unsafe { ENGINE_get_digest(self.raw.as_ptr(), nid) };
        let digest = NonNull::new(digest.cast_mut())?;
        // SAFETY: a live EVP_MD of the engine; freeing one that was not fetched does
        // nothing (EVP_MD_free(3)).
        Some(unsafe { Md::from_ptr(digest.as_ptr()) })
    }

    /// The number of the engine's algorithm with a name.
    fn find<T>(&self, offer: Offer<T>, name: &str) -> Option<c_int> {
        let mut numbers = ptr::null();
        // SAFETY: `offer` is a callback of this engine. Asked for no algorithm, it sets
        // `numbers` to a list of its own and returns its length (ENGINE_CIPHERS_PTR of
        // engine.h).
        let count = unsafe { offer(self.raw.as_ptr(), ptr::null_mut(), &raw mut numbers, 0) };
        let count = usize::try_from(count).unwrap_or_default();
        if count == 0 || numbers.is_null() {
            return None;
        }
        // SAFETY: the callback promises `count` numbers at `numbers`, which live as
        // long as the engine (ENGINE_CIPHERS_PTR of engine.h).
        let numbers: &[c_int] = unsafe { std::slice::from_raw_parts(numbers, count) };
        numbers.iter().copied().find(|nid| {
            // SAFETY: the call takes any number, and answers NULL for an unknown one
            // (OBJ_nid2sn(3)).
            let short = unsafe { OBJ_nid2sn(*nid) };
            // SAFETY: the call takes any number, and answers NULL for an unknown one
            // (OBJ_nid2ln(3)).
            let long = unsafe { OBJ_nid2ln(*nid) };
            [short, long].into_iter().any(|known| {
                // SAFETY: `known` is not NULL here, and so a C string that OpenSSL
                // keeps (OBJ_nid2sn(3)).
                !known.is_null()
                    && unsafe { CStr::from_ptr(known) }
                        .to_bytes()
                        .eq_ignore_ascii_case(name.as_bytes())
            })
        })
    }

    /// Loads the private key that a URI names.
    pub(crate) fn private_key(
        &self,
        uri: &CStr,
        pin: Option<&CStr>,
    ) -> Result<PKey<Private>, ErrorStack> {
        self.set_pin(pin);
        let method = PinMethod::new()?;
        let mut data = PinMethod::data(pin.map(CStr::to_bytes));
        // SAFETY: `self` keeps the engine live, `uri` is a C string, and `method` and
        // the data it reads outlive the call.
        let key = unsafe {
            ENGINE_load_private_key(
                self.raw.as_ptr(),
                uri.as_ptr(),
                method.as_ptr(),
                (&raw mut data).cast(),
            )
        };
        let key = NonNull::new(key).ok_or_else(ErrorStack::get)?;
        // An engine may leave the errors of its first attempts on the queue.
        let _ = ErrorStack::get();
        // SAFETY: the call gave us a reference to the key, and it loads private keys
        // (ENGINE_load_private_key(3)).
        Ok(unsafe { PKey::from_ptr(key.as_ptr()) })
    }

    /// Tells the PIN to an engine that has a command for it. PKCS#11 remembers the
    /// last PIN that it was told, and would try it on any hardware token.
    fn set_pin(&self, pin: Option<&CStr>) {
        let Some(pin) = pin else { return };
        // SAFETY: `self` keeps the engine live, and both arguments are C strings. The
        // last argument allows that an engine does not know the command
        // (ENGINE_ctrl_cmd_string(3)).
        unsafe { ENGINE_ctrl_cmd_string(self.raw.as_ptr(), c"PIN".as_ptr(), pin.as_ptr(), 1) };
        let _ = ErrorStack::get();
    }

    /// Drops a key of the engine with its reference to the engine. PKCS#11 keeps a
    /// reference to each key, which would keep the engine, and the login.
    pub(crate) fn release(key: PKey<Private>) {
        // SAFETY: `key` is live, and only its drop follows; NULL takes the engine from
        // it.
        unsafe { EVP_PKEY_set1_engine(key.as_ptr(), ptr::null_mut()) };
    }

    /// Stops the engine and starts it again.
    ///
    /// The caller has released all keys of the engine, and nothing else uses it.
    pub(crate) fn restart(&self) -> Result<(), ErrorStack> {
        self.stop();
        // SAFETY: the engine is live: OpenSSL's list keeps an engine that is not
        // started (ENGINE_init(3)).
        let is_started = unsafe { ENGINE_init(self.raw.as_ptr()) } == 1;
        self.is_started.store(is_started, Ordering::Relaxed);
        let stack = ErrorStack::get();
        is_started.then_some(()).ok_or(stack)
    }

    fn stop(&self) {
        if self.is_started.swap(false, Ordering::Relaxed) {
            // SAFETY: `is_started` said that this value has the functional reference
            // of ENGINE_init, and it is given up once.
            unsafe { ENGINE_finish(self.raw.as_ptr()) };
            let _ = ErrorStack::get();
        }
    }

    /// Notes that this process is a child of the process that started the engine.
    /// Only the parent stops it.
    pub(crate) fn after_fork(&self) {
        self.is_inherited.store(true, Ordering::Relaxed);
    }

    /// Loads the certificate that a URI names, from an engine with the command
    /// `LOAD_CERT_CTRL`. The engine for PKCS#11 has it (libp11, eng_front.c).
    pub(crate) fn certificate(&self, uri: &CStr, pin: Option<&CStr>) -> Result<X509, ErrorStack> {
        self.set_pin(pin);
        #[repr(C)]
        struct Parameters {
            uri: *const c_char,
            certificate: *mut RawX509,
        }
        let mut parameters = Parameters {
            uri: uri.as_ptr(),
            certificate: ptr::null_mut(),
        };
        // SAFETY: `self` keeps the engine live, and `parameters` is the structure that
        // this command reads and writes (libp11, eng_front.c). An engine without the
        // command fails and touches nothing.
        let done = unsafe {
            ENGINE_ctrl_cmd(
                self.raw.as_ptr(),
                c"LOAD_CERT_CTRL".as_ptr(),
                0,
                (&raw mut parameters).cast(),
                ptr::null(),
                1,
            )
        };
        match NonNull::new(parameters.certificate) {
            // SAFETY: the command succeeded, and its certificate is ours (libp11,
            // eng_front.c).
            Some(certificate) if done == 1 => Ok(unsafe { X509::from_ptr(certificate.as_ptr()) }),
            _ => Err(ErrorStack::get()),
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        if !self.is_inherited.load(Ordering::Relaxed) {
            self.stop();
        }
    }
}
