//! Ciphers, digests and keys: the calls of `<openssl/evp.h>` that the `openssl` crate
//! does not wrap.

use std::ffi::CStr;

use foreign_types::ForeignTypeRef;
use libc::{c_int, c_ulong};
use openssl::cipher::{Cipher, CipherRef};
use openssl::error::ErrorStack;
use openssl::lib_ctx::LibCtxRef;
use openssl::md::{Md, MdRef};
use openssl::md_ctx::MdCtxRef;
use openssl::pkey::{PKeyRef, Private, Public};

use crate::libcrypto::verdict;

/// The mode of a cipher, as far as the wire formats tell modes apart
/// (`EVP_CIPHER_get_flags`, `<openssl/evp.h>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Cipher block chaining without authentication.
    Cbc,
    /// Galois/counter mode.
    Gcm,
    /// Any other mode: stream modes, ECB, key wrapping, TLS composites.
    Other,
}

/// `EVP_CIPH_CBC_MODE`, `EVP_CIPH_GCM_MODE`, `EVP_CIPH_FLAG_CTS` and
/// `EVP_CIPH_FLAG_AEAD_CIPHER` of `<openssl/evp.h>`, which openssl-sys lacks.
const CBC_MODE: c_ulong = 0x2;
const GCM_MODE: c_ulong = 0x6;
const FLAG_CTS: c_ulong = 0x4000;
const FLAG_AEAD: c_ulong = 0x20_0000;

/// Tells the mode of a cipher.
pub(crate) fn mode(cipher: &CipherRef) -> Mode {
    // SAFETY: the reference keeps `cipher` live; the call only reads it
    // (EVP_CIPHER_get_flags(3)).
    let flags = unsafe { openssl_sys::EVP_CIPHER_get_flags(cipher.as_ptr()) };
    match flags & openssl_sys::EVP_CIPH_MODE {
        // A CBC cipher that authenticates is a TLS composite, which only TLS can use.
        CBC_MODE if flags & (FLAG_CTS | FLAG_AEAD) == 0 => Mode::Cbc,
        GCM_MODE => Mode::Gcm,
        _ => Mode::Other,
    }
}

/// A function of the openssl crate that fetches an algorithm.
type Fetch<T> = fn(Option<&LibCtxRef>, &str, Option<&str>) -> Result<T, ErrorStack>;

/// The providers to fetch algorithms from.
#[derive(Clone, Copy, Default)]
pub(crate) struct Scope<'c> {
    /// The library context that has them; `None` is the default context.
    pub(crate) context: Option<&'c LibCtxRef>,
    /// The query that says which of them to prefer (property(7)).
    pub(crate) properties: Option<&'c str>,
}

/// Fetches a cipher from the loaded providers, if one has it.
///
/// # Errors
///
/// The host failed.
pub(crate) fn fetch_cipher(scope: Scope<'_>, name: &str) -> Result<Option<Cipher>, ErrorStack> {
    fetch(scope, name, Cipher::fetch)
}

/// Fetches a digest from the loaded providers, if one has it.
///
/// # Errors
///
/// The host failed.
pub(crate) fn fetch_digest(scope: Scope<'_>, name: &str) -> Result<Option<Md>, ErrorStack> {
    fetch(scope, name, Md::fetch)
}

fn fetch<T>(scope: Scope<'_>, name: &str, fetch: Fetch<T>) -> Result<Option<T>, ErrorStack> {
    // The openssl crate panics on a NUL byte.
    if name.contains('\0') {
        return Ok(None);
    }
    verdict::forget_errors();
    if scope.context.is_none() && !has_default_context() {
        return Err(ErrorStack::get());
    }
    match fetch(scope.context, name, scope.properties) {
        Ok(fetched) => Ok(Some(fetched)),
        // An unknown name is an error. Without memory there may be none.
        Err(stack) if stack.errors().is_empty() || verdict::is_fatal(&stack) => Err(stack),
        Err(_) => Ok(None),
    }
}

/// Whether there is a default context, which OpenSSL makes at the first call. If that fails,
/// OpenSSL 3.0 lets later calls use it all the same, and they end the process.
fn has_default_context() -> bool {
    // SAFETY: the call takes nothing (OSSL_LIB_CTX(3)).
    !unsafe { OSSL_LIB_CTX_get0_global_default() }.is_null()
}

/// Whether the user of a digest chooses its length (`EVP_MD_get_flags(3)`).
pub(crate) fn is_extendable(digest: &MdRef) -> bool {
    // SAFETY: the reference keeps `digest` live; the call only reads it.
    let flags = unsafe { EVP_MD_get_flags(digest.as_ptr()) };
    flags & FLAG_XOF != 0
}

/// `EVP_MD_CTX_FLAG_FINALISE` of `<openssl/evp.h>`, which openssl-sys lacks.
const FLAG_FINALISE: c_int = 0x200;

/// Lets a context finish its work itself, and not a copy of it (EVP_DigestInit(3)). Without
/// memory for the copy, OpenSSL says no without any error, like to a wrong signature.
pub(crate) fn finish_without_copy(context: &mut MdCtxRef) {
    // SAFETY: the reference keeps `context` live, and no other reference is there.
    unsafe { EVP_MD_CTX_set_flags(context.as_ptr(), FLAG_FINALISE) };
}

unsafe extern "C" {
    fn EVP_MD_CTX_set_flags(context: *mut openssl_sys::EVP_MD_CTX, flags: c_int);

    fn OSSL_LIB_CTX_get0_global_default() -> *mut openssl_sys::OSSL_LIB_CTX;

    fn EVP_MD_get_flags(digest: *const openssl_sys::EVP_MD) -> c_ulong;
}

/// `EVP_MD_FLAG_XOF` of `<openssl/evp.h>`.
const FLAG_XOF: c_ulong = 0x2;

/// Fills `key` with PBKDF2-HMAC (`PKCS5_PBKDF2_HMAC(3)`).
pub(crate) fn pbkdf2(
    passphrase: &[u8],
    salt: &[u8],
    rounds: u32,
    digest: &MdRef,
    key: &mut [u8],
) -> Result<(), ErrorStack> {
    let length = |bytes: &[u8]| c_int::try_from(bytes.len()).map_err(|_| ErrorStack::get());
    let (passphrase_length, salt_length, key_length) =
        (length(passphrase)?, length(salt)?, length(key)?);
    let rounds = c_int::try_from(rounds).map_err(|_| ErrorStack::get())?;
    // SAFETY: each pointer comes with the length of its slice, and the reference keeps
    // `digest` live. The call keeps no pointer (PKCS5_PBKDF2_HMAC(3)).
    let done = unsafe {
        openssl_sys::PKCS5_PBKDF2_HMAC(
            passphrase.as_ptr().cast(),
            passphrase_length,
            salt.as_ptr(),
            salt_length,
            rounds,
            digest.as_ptr(),
            key_length,
            key.as_mut_ptr(),
        )
    };
    if done == 1 {
        Ok(())
    } else {
        Err(ErrorStack::get())
    }
}

/// Whether a private key belongs to a public key (`EVP_PKEY_eq(3)`).
///
/// Two keys of different kinds do not belong together, which OpenSSL may report as an
/// error.
pub(crate) fn is_pair(
    private: &PKeyRef<Private>,
    public: &PKeyRef<Public>,
) -> Result<bool, ErrorStack> {
    verdict::forget_errors();
    // SAFETY: the references keep both keys live; the call only reads their public
    // parts.
    let equal = unsafe { openssl_sys::EVP_PKEY_eq(public.as_ptr(), private.as_ptr()) };
    let stack = ErrorStack::get();
    if equal != 1 && verdict::is_fatal(&stack) {
        Err(stack)
    } else {
        Ok(equal == 1)
    }
}

/// Writes the point of a public key of EC to `octets`, without compression (SEC 1, section
/// 2.3.3).
///
/// # Errors
///
/// The key is none of EC, or its point has another length than `octets`.
pub(crate) fn encoded_point(key: &PKeyRef<Private>, octets: &mut [u8]) -> Result<(), ErrorStack> {
    let mut length = 0;
    // SAFETY: the reference keeps `key` live; the name ends with a zero; the buffer comes
    // with its length (EVP_PKEY_get_octet_string_param(3)).
    let done = unsafe {
        openssl_sys::EVP_PKEY_get_octet_string_param(
            key.as_ptr(),
            ENCODED_POINT.as_ptr(),
            octets.as_mut_ptr(),
            octets.len(),
            &mut length,
        )
    };
    if done == 1 && length == octets.len() {
        Ok(())
    } else {
        Err(ErrorStack::get())
    }
}

/// `OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY` of `<openssl/core_names.h>`. Unlike `pub`, its form
/// is always the one without compression (EVP_PKEY-EC(7)).
const ENCODED_POINT: &CStr = c"encoded-pub-key";

/// Copies the state of the digest `from` into `to` (`EVP_MD_CTX_copy_ex(3)`).
pub(crate) fn copy_digest(to: &mut MdCtxRef, from: &MdCtxRef) -> Result<(), ErrorStack> {
    // SAFETY: the references keep both contexts live, and they are two contexts: `to`
    // is exclusive. The call writes to `to` only.
    if unsafe { openssl_sys::EVP_MD_CTX_copy_ex(to.as_ptr(), from.as_ptr()) } == 1 {
        Ok(())
    } else {
        Err(ErrorStack::get())
    }
}
