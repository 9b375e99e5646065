//! The calls of OpenSSL that the `openssl` crate does not wrap.

use foreign_types::ForeignTypeRef;
use libc::{c_int, c_ulong};
use openssl::cipher::{Cipher, CipherRef};
use openssl::error::ErrorStack;
use openssl::lib_ctx::LibCtxRef;
use openssl::md::{Md, MdRef};
use openssl::md_ctx::MdCtxRef;
use openssl::pkey::{PKeyRef, Private, Public};

use crate::libcrypto::verdict;

/// How a cipher chains its blocks, and whether it authenticates
/// (`EVP_CIPHER_get_flags`, `<openssl/evp.h>`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Cipher block chaining, nothing else.
    Cbc,
    /// Galois/counter mode.
    Gcm,
    /// Anything else: stream modes, ECB, key wrapping, TLS composites.
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
    // SAFETY: `cipher` is a live EVP_CIPHER; the call only reads it
    // (EVP_CIPHER_get_flags(3)).
    let flags = unsafe { openssl_sys::EVP_CIPHER_get_flags(cipher.as_ptr()) };
    match flags & openssl_sys::EVP_CIPH_MODE {
        // CBC that authenticates is a TLS composite, of use to TLS alone.
        CBC_MODE if flags & (FLAG_CTS | FLAG_AEAD) == 0 => Mode::Cbc,
        GCM_MODE => Mode::Gcm,
        _ => Mode::Other,
    }
}

/// Where to fetch algorithms from: a library context, the default one if there
/// is none, and which of its providers to prefer (property(7)).
#[derive(Clone, Copy, Default)]
pub(crate) struct From<'c> {
    pub(crate) context: Option<&'c LibCtxRef>,
    pub(crate) properties: Option<&'c str>,
}

/// Fetches a cipher from the loaded providers, if one has it.
pub(crate) fn fetch_cipher(from: From<'_>, name: &str) -> Option<Cipher> {
    fetchable(name).then(|| Cipher::fetch(from.context, name, from.properties).ok())?
}

/// Fetches a digest from the loaded providers, if one has it.
pub(crate) fn fetch_digest(from: From<'_>, name: &str) -> Option<Md> {
    fetchable(name).then(|| Md::fetch(from.context, name, from.properties).ok())?
}

/// The openssl crate panics on a NUL byte in a name.
fn fetchable(name: &str) -> bool {
    !name.contains('\0')
}

/// Whether the length of a digest is its user's to choose
/// (`EVP_MD_get_flags(3)`).
pub(crate) fn is_extendable(digest: &MdRef) -> bool {
    // SAFETY: a live EVP_MD; the call only reads it.
    let flags = unsafe { EVP_MD_get_flags(digest.as_ptr()) };
    flags & FLAG_XOF != 0
}

unsafe extern "C" {
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
    // SAFETY: each pointer comes with the length of the slice it points to,
    // `digest` is a live EVP_MD, and the call keeps none of them.
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

/// Whether a private key belongs to a public one (`EVP_PKEY_eq(3)`). Two of
/// different kinds do not, which OpenSSL may call an error.
pub(crate) fn is_pair(
    private: &PKeyRef<Private>,
    public: &PKeyRef<Public>,
) -> Result<bool, ErrorStack> {
    verdict::forget_errors();
    // SAFETY: two live keys, of which the call compares the public parts.
    let equal = unsafe { openssl_sys::EVP_PKEY_eq(public.as_ptr(), private.as_ptr()) };
    let stack = ErrorStack::get();
    if equal != 1 && verdict::is_fatal(&stack) {
        Err(stack)
    } else {
        Ok(equal == 1)
    }
}

/// Makes `to` go on from where `from` is (`EVP_MD_CTX_copy_ex(3)`).
pub(crate) fn copy_digest(to: &mut MdCtxRef, from: &MdCtxRef) -> Result<(), ErrorStack> {
    // SAFETY: two live contexts, of which the call reads one and writes the
    // other.
    if unsafe { openssl_sys::EVP_MD_CTX_copy_ex(to.as_ptr(), from.as_ptr()) } == 1 {
        Ok(())
    } else {
        Err(ErrorStack::get())
    }
}
