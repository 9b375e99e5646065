//! Engines: `<openssl/engine.h>`, of which the openssl crate has nothing.

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

/// What an engine answers when it is asked for its ciphers or digests: with a
/// list of their numbers, or with the one of a number.
type List<T> = unsafe extern "C" fn(*mut ENGINE, *mut *const T, *mut *const c_int, c_int) -> c_int;

unsafe extern "C" {
    fn ENGINE_by_id(id: *const c_char) -> *mut ENGINE;
    fn ENGINE_init(engine: *mut ENGINE) -> c_int;
    fn ENGINE_finish(engine: *mut ENGINE) -> c_int;
    fn ENGINE_free(engine: *mut ENGINE) -> c_int;
    fn ENGINE_get_ciphers(engine: *const ENGINE) -> Option<List<EVP_CIPHER>>;
    fn ENGINE_get_digests(engine: *const ENGINE) -> Option<List<EVP_MD>>;
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

/// `OPENSSL_INIT_ENGINE_DYNAMIC` of `<openssl/crypto.h>`: what loads the
/// others. The rest of the built-in engines would become defaults.
const INIT_ENGINE_DYNAMIC: u64 = 0x400;

/// An engine that works, for as long as this value lives.
///
/// What is said here of PKCS#11 is of libp11 0.4.12 (`eng_front.c`), the engine
/// of most tokens.
pub(crate) struct Engine {
    raw: NonNull<ENGINE>,
    is_started: AtomicBool,
    is_inherited: AtomicBool,
}

// SAFETY: OpenSSL counts references to engines under a lock of its own, and
// their algorithms serve every thread of a process (ENGINE_init(3)); keys and
// certificates are asked for by one thread at a time (`Tokens`).
unsafe impl Send for Engine {}
// SAFETY: likewise.
unsafe impl Sync for Engine {}

impl Engine {
    /// Finds an engine by its name, loads it if need be, and starts it.
    ///
    /// OpenSSL makes a path of the name: the caller has looked at it.
    pub(crate) fn start(name: &str) -> Result<Self, ErrorStack> {
        let name = CString::new(name).map_err(|_| ErrorStack::get())?;
        // SAFETY: no settings; the call may be repeated (OPENSSL_init_crypto(3)).
        unsafe { OPENSSL_init_crypto(INIT_ENGINE_DYNAMIC, ptr::null()) };
        // SAFETY: a C string.
        let engine = NonNull::new(unsafe { ENGINE_by_id(name.as_ptr()) });
        let engine = engine.ok_or_else(ErrorStack::get)?;
        // PKCS#11 would write on standard error what it puts on the queue, too.
        // SAFETY: a command without an argument; other engines know it not,
        // which the last argument allows.
        unsafe { ENGINE_ctrl_cmd_string(engine.as_ptr(), c"QUIET".as_ptr(), ptr::null(), 1) };
        // What asks for more than the PIN that it is told would ask on the
        // terminal of whoever starts httpd.
        // SAFETY: a query without arguments.
        let nobody = unsafe { UI_null() };
        // SAFETY: a method of OpenSSL's own that never answers; other engines
        // do not know the command, which the last argument allows.
        unsafe {
            ENGINE_ctrl_cmd(
                engine.as_ptr(),
                c"SET_USER_INTERFACE".as_ptr(),
                0,
                nobody.cast_mut(),
                ptr::null(),
                1,
            )
        };
        // SAFETY: the reference that the call above gave us.
        let started = unsafe { ENGINE_init(engine.as_ptr()) } == 1;
        let failure = (!started).then(ErrorStack::get);
        // SAFETY: that reference again; a started engine has one of its own.
        unsafe { ENGINE_free(engine.as_ptr()) };
        // ENGINE_by_id leaves what it tried first on the queue.
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
    /// The engine owns it: drop it first.
    pub(crate) fn cipher(&self, name: &str) -> Option<Cipher> {
        // SAFETY: a started engine.
        let list = unsafe { ENGINE_get_ciphers(self.raw.as_ptr()) }?;
        let nid = self.find(list, name)?;
        // SAFETY: a started engine, and a number from its list.
        let cipher = unsafe { ENGINE_get_cipher(self.raw.as_ptr(), nid) };
        let cipher = NonNull::new(cipher.cast_mut())?;
        // SAFETY: a live EVP_CIPHER; freeing one that was not fetched does
        // nothing (EVP_CIPHER_free(3)).
        Some(unsafe { Cipher::from_ptr(cipher.as_ptr()) })
    }

    /// The engine's own implementation of a digest, as [`Engine::cipher`].
    pub(crate) fn digest(&self, name: &str) -> Option<Md> {
        // SAFETY: a started engine.
        let list = unsafe { ENGINE_get_digests(self.raw.as_ptr()) }?;
        let nid = self.find(list, name)?;
        // SAFETY: a started engine, and a number from its list.
        let digest = unsafe { ENGINE_get_digest(self.raw.as_ptr(), nid) };
        let digest = NonNull::new(digest.cast_mut())?;
        // SAFETY: a live EVP_MD; freeing one that was not fetched does nothing
        // (EVP_MD_free(3)).
        Some(unsafe { Md::from_ptr(digest.as_ptr()) })
    }

    /// The number of an algorithm of the engine.
    fn find<T>(&self, list: List<T>, name: &str) -> Option<c_int> {
        let mut numbers = ptr::null();
        // SAFETY: asked for no algorithm, it sets `numbers` to a list of its
        // own and returns its length (ENGINE_CIPHERS_PTR of engine.h).
        let count = unsafe { list(self.raw.as_ptr(), ptr::null_mut(), &raw mut numbers, 0) };
        let count = usize::try_from(count).unwrap_or_default();
        if count == 0 || numbers.is_null() {
            return None;
        }
        // SAFETY: `count` numbers stand there, for as long as the engine.
        let numbers: &[c_int] = unsafe { std::slice::from_raw_parts(numbers, count) };
        numbers.iter().copied().find(|nid| {
            // SAFETY: any number; NULL if there is no such object.
            let short = unsafe { OBJ_nid2sn(*nid) };
            // SAFETY: likewise.
            let long = unsafe { OBJ_nid2ln(*nid) };
            [short, long].into_iter().any(|known| {
                // SAFETY: a C string that OpenSSL keeps, or NULL.
                !known.is_null()
                    && unsafe { CStr::from_ptr(known) }
                        .to_bytes()
                        .eq_ignore_ascii_case(name.as_bytes())
            })
        })
    }

    /// The private key that a URI names.
    pub(crate) fn private_key(
        &self,
        uri: &CStr,
        pin: Option<&CStr>,
    ) -> Result<PKey<Private>, ErrorStack> {
        self.set_pin(pin);
        let method = PinMethod::new()?;
        let mut data = PinMethod::data(pin.map(CStr::to_bytes));
        // SAFETY: a started engine, a C string, and a method that outlives the
        // call together with what it reads.
        let key = unsafe {
            ENGINE_load_private_key(
                self.raw.as_ptr(),
                uri.as_ptr(),
                method.as_ptr(),
                (&raw mut data).cast(),
            )
        };
        let key = NonNull::new(key).ok_or_else(ErrorStack::get)?;
        // An engine may leave what it tried first on the queue.
        let _ = ErrorStack::get();
        // SAFETY: a key that the call gave us; an engine gives private keys.
        Ok(unsafe { PKey::from_ptr(key.as_ptr()) })
    }

    /// Tells the PIN to engines that have a command for it. PKCS#11 remembers
    /// the last one it was told, and would try that on any token.
    fn set_pin(&self, pin: Option<&CStr>) {
        let Some(pin) = pin else { return };
        // SAFETY: a started engine and C strings; other engines do not know
        // the command, which the last argument allows.
        unsafe { ENGINE_ctrl_cmd_string(self.raw.as_ptr(), c"PIN".as_ptr(), pin.as_ptr(), 1) };
        let _ = ErrorStack::get();
    }

    /// Drops a key of the engine so that nothing of it is left: PKCS#11 keeps
    /// a reference to each, which keeps the engine, and the login.
    pub(crate) fn release(key: PKey<Private>) {
        // SAFETY: a live key, which is not used again.
        unsafe { EVP_PKEY_set1_engine(key.as_ptr(), ptr::null_mut()) };
    }

    /// Stops the engine and starts it again. All its keys have been released,
    /// and nothing else is using it.
    pub(crate) fn restart(&self) -> Result<(), ErrorStack> {
        self.stop();
        // SAFETY: OpenSSL's list keeps an engine that is not started.
        let is_started = unsafe { ENGINE_init(self.raw.as_ptr()) } == 1;
        self.is_started.store(is_started, Ordering::Relaxed);
        let stack = ErrorStack::get();
        is_started.then_some(()).ok_or(stack)
    }

    fn stop(&self) {
        if self.is_started.swap(false, Ordering::Relaxed) {
            // SAFETY: the reference that this value held until now.
            unsafe { ENGINE_finish(self.raw.as_ptr()) };
            let _ = ErrorStack::get();
        }
    }

    /// Notes that this process is another than the one that started it, which
    /// is the one to stop it.
    pub(crate) fn after_fork(&self) {
        self.is_inherited.store(true, Ordering::Relaxed);
    }

    /// The certificate that a URI names, of engines that know the command
    /// `LOAD_CERT_CTRL`, as that for PKCS#11 does (libp11, eng_front.c).
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
        // SAFETY: a started engine, and what this command reads and writes;
        // an engine without it does nothing and fails.
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
            // SAFETY: a certificate that the call gave us.
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
