//! Key derivations of `<openssl/kdf.h>` that the `openssl` crate does not wrap.

use std::ffi::{CStr, c_char, c_void};
use std::ptr::{self, NonNull};

use libc::size_t;
use openssl::error::ErrorStack;
use openssl_sys::{EVP_KDF, EVP_KDF_CTX, OSSL_PARAM};

use crate::libcrypto::verdict;

unsafe extern "C" {
    fn OSSL_PARAM_construct_utf8_string(
        key: *const c_char,
        buffer: *mut c_char,
        size: size_t,
    ) -> OSSL_PARAM;
}

/// Concat KDF, OpenSSL's name for which is SSKDF (`EVP_KDF-SS(7)`).
const SSKDF: &CStr = c"SSKDF";

/// `OSSL_KDF_PARAM_DIGEST`, `OSSL_KDF_PARAM_KEY` and `OSSL_KDF_PARAM_INFO` of
/// `<openssl/core_names.h>`.
const DIGEST: &CStr = c"digest";
const KEY: &CStr = c"key";
const INFO: &CStr = c"info";

/// Fills `key` with Concat KDF under SHA-256 (NIST SP 800-56A, section 5.8.1): from a shared
/// secret and `info`, which both sides know.
///
/// The whole derivation is the provider's, as its certificate may ask.
///
/// # Errors
///
/// OpenSSL fails.
pub(crate) fn concat_kdf(secret: &[u8], info: &[u8], key: &mut [u8]) -> Result<(), ErrorStack> {
    let context = Context::new(SSKDF)?;
    let parameters = [
        text(DIGEST, c"SHA256"),
        octets(KEY, secret),
        octets(INFO, info),
        end(),
    ];
    // SAFETY: a live context; `key` with its length; an array of parameters that
    // `OSSL_PARAM_construct_end` closes, whose buffers are borrowed until after the call,
    // which copies them (EVP_KDF_derive(3)).
    let done = unsafe {
        openssl_sys::EVP_KDF_derive(
            context.0.as_ptr(),
            key.as_mut_ptr(),
            key.len(),
            parameters.as_ptr(),
        )
    };
    if done == 1 {
        Ok(())
    } else {
        Err(ErrorStack::get())
    }
}

/// The state of a derivation.
struct Context(NonNull<EVP_KDF_CTX>);

impl Context {
    /// The derivation of a name, from the provider that has it.
    fn new(name: &CStr) -> Result<Self, ErrorStack> {
        verdict::forget_errors();
        // SAFETY: NULL is the default library context, and NULL its default properties; the
        // name ends with a zero (EVP_KDF_fetch(3)).
        let method =
            unsafe { openssl_sys::EVP_KDF_fetch(ptr::null_mut(), name.as_ptr(), ptr::null()) };
        let method = Method(NonNull::new(method).ok_or_else(ErrorStack::get)?);
        // SAFETY: a live method, which the context holds a reference to (EVP_KDF_CTX_new(3)).
        let context = unsafe { openssl_sys::EVP_KDF_CTX_new(method.0.as_ptr()) };
        NonNull::new(context).map(Self).ok_or_else(ErrorStack::get)
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: `new` has made it, and nothing else has it. The call wipes its secrets
        // (EVP_KDF_CTX_free(3)).
        unsafe { openssl_sys::EVP_KDF_CTX_free(self.0.as_ptr()) }
    }
}

/// A derivation that was fetched.
struct Method(NonNull<EVP_KDF>);

impl Drop for Method {
    fn drop(&mut self) {
        // SAFETY: the reference that EVP_KDF_fetch(3) has given.
        unsafe { openssl_sys::EVP_KDF_free(self.0.as_ptr()) }
    }
}

fn text(name: &CStr, value: &'static CStr) -> OSSL_PARAM {
    // SAFETY: two texts that end with a zero; size 0 has the call measure the value, which a
    // derivation only reads (OSSL_PARAM_construct_utf8_string(3)).
    unsafe { OSSL_PARAM_construct_utf8_string(name.as_ptr(), value.as_ptr().cast_mut(), 0) }
}

fn octets(name: &CStr, value: &[u8]) -> OSSL_PARAM {
    let start: *const c_void = value.as_ptr().cast();
    // SAFETY: a name that ends with a zero, and a slice with its length, which a derivation
    // only reads (OSSL_PARAM_construct_octet_string(3)).
    unsafe {
        openssl_sys::OSSL_PARAM_construct_octet_string(name.as_ptr(), start.cast_mut(), value.len())
    }
}

fn end() -> OSSL_PARAM {
    // SAFETY: takes nothing (OSSL_PARAM_construct_end(3)).
    unsafe { openssl_sys::OSSL_PARAM_construct_end() }
}

#[cfg(test)]
mod tests {
    use openssl::sha::sha256;

    use super::*;

    #[test]
    fn one_round_is_one_hash_of_counter_secret_and_info() {
        for (secret, info) in [(&[7; 32][..], &b"info"[..]), (&[0; 66], &[9; 100])] {
            let mut key = [0; 32];
            concat_kdf(secret, info, &mut key).unwrap();
            let text = [&1_u32.to_be_bytes(), secret, info].concat();
            assert_eq!(key, sha256(&text));
        }
    }

    #[test]
    fn a_name_that_no_provider_has_is_an_error() {
        assert!(Context::new(c"no such derivation").is_err());
    }
}
