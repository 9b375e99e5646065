//! Cipher contexts that are used again and again, with no call of OpenSSL more than a
//! token needs (`<openssl/evp.h>`).
//!
//! The `openssl` crate asks a context for its block size or the length of its IV before
//! each call. With a short session that takes as long as the call itself.

use std::mem::MaybeUninit;
use std::ptr;
use std::slice;

use foreign_types::ForeignTypeRef;
use libc::c_int;
use openssl::cipher::CipherRef;
use openssl::cipher_ctx::{CipherCtx, CipherCtxRef};
use openssl::error::ErrorStack;

use crate::libcrypto::verdict::{self, Denial, Library};

/// Bytes by which an output may exceed its input: the largest block of any cipher
/// (`EVP_MAX_BLOCK_LENGTH`).
pub(crate) const ROOM: usize = 32;

/// Encrypts or decrypts the first `length` bytes of `data` in place
/// (`EVP_CipherUpdate(3)`); returns the number of bytes written.
///
/// # Errors
///
/// `data` is not longer by [`ROOM`], or OpenSSL fails.
#[inline]
pub(crate) fn update_in_place(
    context: &mut CipherCtxRef,
    data: &mut [u8],
    length: usize,
) -> Result<usize, ErrorStack> {
    if data.len().saturating_sub(ROOM) < length {
        return Err(ErrorStack::get());
    }
    let (count, bytes) = (to_int(length)?, data.as_mut_ptr());
    let mut written = 0;
    // SAFETY: a live context; the input may be the output (EVP_EncryptUpdate(3)), which
    // has room for a block more than the input, and so for all that the call may write.
    let done = unsafe {
        openssl_sys::EVP_CipherUpdate(context.as_ptr(), bytes, &mut written, bytes, count)
    };
    outcome(done, usize::try_from(written).unwrap_or_default())
}

/// Encrypts or decrypts `input` to `output` (`EVP_CipherUpdate(3)`); returns the bytes
/// written.
///
/// # Errors
///
/// `output` is not longer than `input` by [`ROOM`], or OpenSSL fails.
#[inline]
pub(crate) fn update<'o>(
    context: &mut CipherCtxRef,
    input: &[u8],
    output: &'o mut [MaybeUninit<u8>],
) -> Result<&'o mut [u8], ErrorStack> {
    if output.len().saturating_sub(ROOM) < input.len() {
        return Err(ErrorStack::get());
    }
    let mut written = 0;
    // SAFETY: a live context; two slices that do not overlap, of which the output has
    // room for a block more than the input, and so for all that the call may write.
    let done = unsafe {
        openssl_sys::EVP_CipherUpdate(
            context.as_ptr(),
            output.as_mut_ptr().cast(),
            &mut written,
            input.as_ptr(),
            to_int(input.len())?,
        )
    };
    let written = outcome(done, usize::try_from(written).unwrap_or_default())?;
    let written = output.get_mut(..written).unwrap_or_default();
    let (start, length) = (written.as_mut_ptr().cast(), written.len());
    // SAFETY: a part of `output` that the call has written, by its own count.
    Ok(unsafe { slice::from_raw_parts_mut(start, length) })
}

/// An AES-GCM context for one direction, under a key that was set once.
pub(crate) struct GcmContext {
    context: CipherCtx,
}

/// The direction of a context.
#[derive(Clone, Copy)]
pub(crate) enum Direction {
    Encrypt,
    Decrypt,
}

impl GcmContext {
    /// Bytes of nonce and of tag.
    pub(crate) const NONCE: usize = 12;
    pub(crate) const TAG: usize = 16;

    /// Makes a context under a key, whose length is that of the cipher.
    ///
    /// # Errors
    ///
    /// OpenSSL fails, or the cipher takes another nonce.
    pub(crate) fn new(
        cipher: &CipherRef,
        key: &[u8],
        direction: Direction,
    ) -> Result<Self, ErrorStack> {
        let mut context = CipherCtx::new()?;
        match direction {
            Direction::Encrypt => context.encrypt_init(Some(cipher), Some(key), None)?,
            Direction::Decrypt => context.decrypt_init(Some(cipher), Some(key), None)?,
        }
        if context.iv_length() != Self::NONCE || cipher.block_size() != 1 {
            return Err(ErrorStack::get());
        }
        Ok(Self { context })
    }

    /// Encrypts `text` in place, and returns the tag.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub(crate) fn encrypt(
        &mut self,
        nonce: &[u8; Self::NONCE],
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; Self::TAG], ErrorStack> {
        self.start(nonce)?;
        self.authenticate(associated)?;
        self.crypt(text)?;
        self.finish()?;
        let mut tag = [0; Self::TAG];
        self.context.tag(&mut tag)?;
        Ok(tag)
    }

    /// Decrypts `text` in place, and returns whether the tag is right. If it is wrong,
    /// `text` must not be used.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub(crate) fn decrypt(
        &mut self,
        nonce: &[u8; Self::NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; Self::TAG],
    ) -> Result<bool, ErrorStack> {
        self.start(nonce)?;
        // By a call of its own: as a parameter of the start, an engine that is the default
        // for its ciphers does not see the tag, nor do all providers, and what is not set
        // may not be compared.
        self.context.set_tag(tag)?;
        self.authenticate(associated)?;
        self.crypt(text)?;
        // OpenSSL 3 puts no error into its queue for a wrong tag (ossl_gcm_stream_final
        // in providers/implementations/ciphers/ciphercommon_gcm.c). An error that other
        // code has left in the queue makes one wrong tag look like a failure, which does
        // no harm. To empty the queue first would slow each token down by a twentieth.
        match self.finish() {
            Ok(()) => Ok(true),
            Err(stack) if verdict::is_denial(WRONG_TAG, &stack) => Ok(false),
            Err(stack) => Err(stack),
        }
    }

    fn start(&mut self, nonce: &[u8; Self::NONCE]) -> Result<(), ErrorStack> {
        // SAFETY: a live context that has a cipher and a key, and takes a nonce of this
        // length (`new`), which the call only reads.
        let done = unsafe {
            openssl_sys::EVP_CipherInit_ex(
                self.context.as_ptr(),
                ptr::null(),
                ptr::null_mut(),
                ptr::null(),
                nonce.as_ptr(),
                SAME_DIRECTION,
            )
        };
        outcome(done, ())
    }

    fn authenticate(&mut self, associated: &[u8]) -> Result<(), ErrorStack> {
        let mut written = 0;
        // SAFETY: a live context; without an output, the call only reads the input
        // (EVP_EncryptUpdate(3), AEAD interface).
        let done = unsafe {
            openssl_sys::EVP_CipherUpdate(
                self.context.as_ptr(),
                ptr::null_mut(),
                &mut written,
                associated.as_ptr(),
                to_int(associated.len())?,
            )
        };
        outcome(done, ())
    }

    fn crypt(&mut self, text: &mut [u8]) -> Result<(), ErrorStack> {
        let (length, bytes) = (to_int(text.len())?, text.as_mut_ptr());
        let mut written = 0;
        // SAFETY: a live context, whose cipher has blocks of one byte (`new`), and so
        // writes as many bytes as it reads; the input may be the output
        // (EVP_EncryptUpdate(3)).
        let done = unsafe {
            openssl_sys::EVP_CipherUpdate(self.context.as_ptr(), bytes, &mut written, bytes, length)
        };
        outcome(done, ())
    }

    fn finish(&mut self) -> Result<(), ErrorStack> {
        let (mut rest, mut written) = ([0; ROOM], 0);
        // SAFETY: a live context; room for a block, although GCM writes nothing here.
        let done = unsafe {
            openssl_sys::EVP_CipherFinal(self.context.as_ptr(), rest.as_mut_ptr(), &mut written)
        };
        outcome(done, ())
    }
}

/// OpenSSL's answer to a wrong tag.
const WRONG_TAG: Denial = Denial::SilentOrReason(Library::PROVIDER);

/// The direction that a context has already (EVP_CipherInit_ex(3)).
const SAME_DIRECTION: c_int = -1;

#[inline]
fn to_int(length: usize) -> Result<c_int, ErrorStack> {
    c_int::try_from(length).map_err(|_| ErrorStack::get())
}

#[inline]
fn outcome<T>(done: c_int, value: T) -> Result<T, ErrorStack> {
    if done == 1 { Ok(value) } else { Err(failure()) }
}

#[cold]
fn failure() -> ErrorStack {
    ErrorStack::get()
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::cipher::Cipher;

    #[test]
    fn output_without_room_for_a_block_more_is_an_error() {
        let mut context = CipherCtx::new().unwrap();
        context
            .encrypt_init(Some(Cipher::aes_128_cbc()), Some(&[1; 16]), Some(&[2; 16]))
            .unwrap();
        let mut data = [0; 32 + ROOM];
        assert_eq!(update_in_place(&mut context, &mut data, 32).ok(), Some(32));
        assert!(update_in_place(&mut context, &mut data, 33).is_err());
        let mut output = [MaybeUninit::uninit(); 32 + ROOM];
        assert!(update(&mut context, &[0; 32], &mut output).is_ok());
        assert!(update(&mut context, &[0; 33], &mut output).is_err());
    }

    #[test]
    fn a_cipher_of_another_mode_is_an_error() {
        for direction in [Direction::Encrypt, Direction::Decrypt] {
            assert!(GcmContext::new(Cipher::aes_128_cbc(), &[1; 16], direction).is_err());
        }
    }
}
