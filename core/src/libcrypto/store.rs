//! Keys and certificates by URI, from the provider that knows the URI's scheme:
//! `<openssl/store.h>`, which the openssl crate does not wrap.

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

/// The number of entries read from one URI. A URI that names one key or certificate
/// leads to fewer.
const MAX_ENTRIES: usize = 64;

/// Loads openssl.cnf, which has the settings of providers, into a context of our own.
///
/// Without the file, or with a mistake in it, the call loads nothing, as OpenSSL does
/// for its default context.
pub(crate) fn load_configuration(context: &LibCtxRef) {
    // SAFETY: a query without arguments; the string is ours to free
    // (CONF_get1_default_config_file(3)).
    let file = unsafe { CONF_get1_default_config_file() };
    // SAFETY: the reference keeps `context` live, and `file` is a C string or NULL,
    // which stands for no file.
    unsafe { OSSL_LIB_CTX_load_config(context.as_ptr(), file) };
    // SAFETY: `file` is from OPENSSL_malloc or NULL
    // (CONF_get1_default_config_file(3)), and nothing uses it again.
    unsafe { openssl_sys::CRYPTO_free(file.cast(), c"store.rs".as_ptr(), 0) };
    let _ = ErrorStack::get();
}

/// Loads the private key that a URI names.
pub(crate) fn private_key(
    context: &LibCtxRef,
    uri: &CStr,
    pin: Option<&[u8]>,
) -> Result<PKey<Private>, ErrorStack> {
    // SAFETY: `first` calls this with a live entry.
    let take = |info: *const StoreInfo| unsafe { OSSL_STORE_INFO_get1_PKEY(info) };
    let key = first(context, uri, pin, INFO_PKEY, take)?;
    // SAFETY: get1 gave us a reference to the key, and an entry of `INFO_PKEY` is a
    // private key (OSSL_STORE_INFO(3)).
    Ok(unsafe { PKey::from_ptr(key.as_ptr()) })
}

/// Loads the certificate that a URI names.
pub(crate) fn certificate(
    context: &LibCtxRef,
    uri: &CStr,
    pin: Option<&[u8]>,
) -> Result<X509, ErrorStack> {
    // SAFETY: `first` calls this with a live entry.
    let take = |info: *const StoreInfo| unsafe { OSSL_STORE_INFO_get1_CERT(info) };
    let certificate = first(context, uri, pin, INFO_CERT, take)?;
    // SAFETY: get1 gave us a reference to the certificate (OSSL_STORE_INFO(3)).
    Ok(unsafe { X509::from_ptr(certificate.as_ptr()) })
}

/// Loads the first entry of a kind from a URI; `take` gets the content of an entry,
/// or NULL if the entry is of another kind.
fn first<T>(
    context: &LibCtxRef,
    uri: &CStr,
    pin: Option<&[u8]>,
    kind: c_int,
    take: impl Fn(*const StoreInfo) -> *mut T,
) -> Result<NonNull<T>, ErrorStack> {
    let method = PinMethod::new()?;
    let mut data = PinMethod::data(pin);
    // SAFETY: the reference keeps `context` live, `uri` is a C string, and `method` and
    // the data it reads outlive the store, which is closed below.
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
    // SAFETY: the store is open, and nothing has been loaded from it yet
    // (OSSL_STORE_expect(3)).
    unsafe { OSSL_STORE_expect(store.as_ptr(), kind) };
    let mut content = None;
    for _ in 0..MAX_ENTRIES {
        // SAFETY: the store is open until after this loop.
        let is_at_end = unsafe { OSSL_STORE_eof(store.as_ptr()) } != 0;
        if content.is_some() || is_at_end {
            break;
        }
        // An entry of another kind, or an unreadable one, is NULL: more may come.
        // SAFETY: the store is open until after this loop.
        if let Some(info) = NonNull::new(unsafe { OSSL_STORE_load(store.as_ptr()) }) {
            content = NonNull::new(take(info.as_ptr()));
            // SAFETY: the entry is ours since OSSL_STORE_load(3) returned it, and
            // nothing uses it again.
            unsafe { OSSL_STORE_INFO_free(info.as_ptr()) };
        }
    }
    let failure = ErrorStack::get();
    // SAFETY: the store is open, and nothing uses it again.
    unsafe { OSSL_STORE_close(store.as_ptr()) };
    content.ok_or(failure)
}
