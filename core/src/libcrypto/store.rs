//! Keys and certificates by URI, from whichever provider knows its scheme:
//! `<openssl/store.h>`, of which the openssl crate has nothing.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::{self, NonNull};

use foreign_types::{ForeignType, ForeignTypeRef};
use openssl::error::ErrorStack;
use openssl::lib_ctx::LibCtxRef;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use openssl_sys::{EVP_PKEY, OSSL_LIB_CTX, OSSL_PARAM, X509 as RawX509};

use crate::libcrypto::pin::{PinMethod, UiMethod};

#[repr(C)]
struct StoreCtx {
    opaque: [u8; 0],
}

#[repr(C)]
struct StoreInfo {
    opaque: [u8; 0],
}

unsafe extern "C" {
    fn OSSL_STORE_open_ex(
        uri: *const c_char,
        context: *mut OSSL_LIB_CTX,
        properties: *const c_char,
        method: *const UiMethod,
        data: *mut c_void,
        parameters: *const OSSL_PARAM,
        process: *const c_void,
        process_data: *mut c_void,
    ) -> *mut StoreCtx;
    fn OSSL_STORE_expect(store: *mut StoreCtx, kind: c_int) -> c_int;
    fn OSSL_STORE_eof(store: *mut StoreCtx) -> c_int;
    fn OSSL_STORE_load(store: *mut StoreCtx) -> *mut StoreInfo;
    fn OSSL_STORE_close(store: *mut StoreCtx) -> c_int;
    fn OSSL_STORE_INFO_get1_PKEY(info: *const StoreInfo) -> *mut EVP_PKEY;
    fn OSSL_STORE_INFO_get1_CERT(info: *const StoreInfo) -> *mut RawX509;
    fn OSSL_STORE_INFO_free(info: *mut StoreInfo);
    fn OSSL_LIB_CTX_load_config(context: *mut OSSL_LIB_CTX, file: *const c_char) -> c_int;
    fn CONF_get1_default_config_file() -> *mut c_char;
}

/// `OSSL_STORE_INFO_PKEY` and `OSSL_STORE_INFO_CERT` of `<openssl/store.h>`.
const INFO_PKEY: c_int = 4;
const INFO_CERT: c_int = 5;

/// More than a URI that names one thing leads to.
const MAX_ENTRIES: usize = 64;

/// Loads openssl.cnf into a context of our own, which has the settings of
/// providers. Without the file, or with a mistake in it, nothing is loaded, as
/// for the default context.
pub(crate) fn load_configuration(context: &LibCtxRef) {
    // SAFETY: a query; the string is ours to free.
    let file = unsafe { CONF_get1_default_config_file() };
    // SAFETY: a live context, and a C string or NULL.
    unsafe { OSSL_LIB_CTX_load_config(context.as_ptr(), file) };
    // SAFETY: what the query gave, which was made by malloc's OpenSSL twin.
    unsafe { openssl_sys::CRYPTO_free(file.cast(), c"store.rs".as_ptr(), 0) };
    let _ = ErrorStack::get();
}

/// The private key that a URI names.
pub(crate) fn private_key(
    context: &LibCtxRef,
    uri: &CStr,
    pin: Option<&[u8]>,
) -> Result<PKey<Private>, ErrorStack> {
    // SAFETY: the entry is live.
    let take = |info: *const StoreInfo| unsafe { OSSL_STORE_INFO_get1_PKEY(info) };
    let key = first(context, uri, pin, INFO_PKEY, take)?;
    // SAFETY: a key of our own, and a private one: nothing else was asked for.
    Ok(unsafe { PKey::from_ptr(key.as_ptr()) })
}

/// The certificate that a URI names.
pub(crate) fn certificate(
    context: &LibCtxRef,
    uri: &CStr,
    pin: Option<&[u8]>,
) -> Result<X509, ErrorStack> {
    // SAFETY: the entry is live.
    let take = |info: *const StoreInfo| unsafe { OSSL_STORE_INFO_get1_CERT(info) };
    let certificate = first(context, uri, pin, INFO_CERT, take)?;
    // SAFETY: a certificate of our own.
    Ok(unsafe { X509::from_ptr(certificate.as_ptr()) })
}

/// The first entry of a kind behind a URI.
fn first<T>(
    context: &LibCtxRef,
    uri: &CStr,
    pin: Option<&[u8]>,
    kind: c_int,
    take: impl Fn(*const StoreInfo) -> *mut T,
) -> Result<NonNull<T>, ErrorStack> {
    let method = PinMethod::new()?;
    let mut data = PinMethod::data(pin);
    // SAFETY: a live context, a C string, and a method that outlives the store
    // together with what it reads.
    let store = unsafe {
        OSSL_STORE_open_ex(
            uri.as_ptr(),
            context.as_ptr(),
            ptr::null(),
            method.as_ptr(),
            (&raw mut data).cast(),
            ptr::null(),
            ptr::null(),
            ptr::null_mut(),
        )
    };
    let store = NonNull::new(store).ok_or_else(ErrorStack::get)?;
    // SAFETY: an open store.
    unsafe { OSSL_STORE_expect(store.as_ptr(), kind) };
    let mut found = None;
    for _ in 0..MAX_ENTRIES {
        // SAFETY: an open store.
        let is_at_end = unsafe { OSSL_STORE_eof(store.as_ptr()) } != 0;
        if found.is_some() || is_at_end {
            break;
        }
        // What is not of the kind, or cannot be read, is NULL: more may come.
        // SAFETY: an open store.
        if let Some(info) = NonNull::new(unsafe { OSSL_STORE_load(store.as_ptr()) }) {
            found = NonNull::new(take(info.as_ptr()));
            // SAFETY: the entry just loaded.
            unsafe { OSSL_STORE_INFO_free(info.as_ptr()) };
        }
    }
    let failure = ErrorStack::get();
    // SAFETY: open until here.
    unsafe { OSSL_STORE_close(store.as_ptr()) };
    found.ok_or(failure)
}
