//! The calls of OpenSSL that the `openssl` crate does not wrap.

use foreign_types::ForeignTypeRef;
use libc::{c_int, c_ulong};
use openssl::cipher::{Cipher, CipherRef};
use openssl::error::ErrorStack;
use openssl::md::{Md, MdRef};

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

/// Fetches a cipher from the loaded providers, if one has it.
pub(crate) fn fetch_cipher(name: &str) -> Option<Cipher> {
    fetchable(name).then(|| Cipher::fetch(None, name, None).ok())?
}

/// Fetches a digest from the loaded providers, if one has it.
pub(crate) fn fetch_digest(name: &str) -> Option<Md> {
    fetchable(name).then(|| Md::fetch(None, name, None).ok())?
}

/// The openssl crate panics on a NUL byte in a name.
fn fetchable(name: &str) -> bool {
    !name.contains('\0')
}

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
