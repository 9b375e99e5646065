//! The blocks of a PEM file as OpenSSL reads them, and what their content is to it:
//! `<openssl/pem.h>`, of which the openssl crate has only the whole of a key.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{self, NonNull};

use openssl::error::{Error, ErrorStack};
use openssl_sys::{BIO, EVP_CIPHER};
use zeroize::{Zeroize, Zeroizing};

use crate::libcrypto::pin::{PasswordCallback, PinMethod, answer};

/// `X509_SIG` of `<openssl/types.h>`, which only OpenSSL looks into.
#[repr(C)]
struct X509Sig {
    opaque: [u8; 0],
}

/// `EVP_CIPHER_INFO` of `<openssl/evp.h>`; an IV has 16 bytes at most
/// (`EVP_MAX_IV_LENGTH`).
#[repr(C)]
struct CipherInfo {
    cipher: *const EVP_CIPHER,
    iv: [u8; 16],
}

unsafe extern "C" {
    fn PEM_read_bio(
        file: *mut BIO,
        label: *mut *mut c_char,
        header: *mut *mut c_char,
        content: *mut *mut u8,
        length: *mut c_long,
    ) -> c_int;
    fn PEM_get_EVP_CIPHER_INFO(header: *mut c_char, cipher: *mut CipherInfo) -> c_int;
    fn PEM_do_header(
        cipher: *mut CipherInfo,
        content: *mut u8,
        length: *mut c_long,
        callback: Option<PasswordCallback>,
        data: *mut c_void,
    ) -> c_int;
    fn d2i_X509_SIG(
        key: *mut *mut X509Sig,
        content: *mut *const u8,
        length: c_long,
    ) -> *mut X509Sig;
    fn X509_SIG_free(key: *mut X509Sig);
}

/// The content between a BEGIN and an END line.
pub(crate) struct Block {
    pub(crate) label: Vec<u8>,
    /// Lines of the older form (RFC 1421), which say that the content is encrypted;
    /// as a C string.
    header: Zeroizing<Vec<u8>>,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// Every block of a file, to its end.
pub(crate) fn blocks(file: &[u8]) -> Result<Vec<Block>, ErrorStack> {
    let file = File::new(file)?;
    let mut blocks = Vec::new();
    drop(ErrorStack::get());
    loop {
        match file.read() {
            Ok(block) => blocks.push(block),
            Err(stack) if is_end(&stack) => return Ok(blocks),
            Err(stack) => return Err(stack),
        }
    }
}

/// Whether there was no further BEGIN.
fn is_end(stack: &ErrorStack) -> bool {
    let is_end = |error: &Error| {
        error.library_code() == openssl_sys::ERR_LIB_PEM && error.reason_code() == NO_START_LINE
    };
    matches!(stack.errors(), [error] if is_end(error))
}

/// `PEM_R_NO_START_LINE` of `<openssl/pemerr.h>`.
const NO_START_LINE: c_int = 108;

/// Bytes to read from.
struct File<'f> {
    bio: NonNull<BIO>,
    _content: &'f [u8],
}

impl<'f> File<'f> {
    fn new(content: &'f [u8]) -> Result<Self, ErrorStack> {
        let length = c_int::try_from(content.len()).map_err(|_| ErrorStack::get())?;
        // SAFETY: as many bytes as the slice has, which outlives the BIO and is
        // only read (BIO_s_mem(3)).
        let bio = unsafe { openssl_sys::BIO_new_mem_buf(content.as_ptr().cast(), length) };
        let bio = NonNull::new(bio).ok_or_else(ErrorStack::get)?;
        Ok(Self {
            bio,
            _content: content,
        })
    }

    fn read(&self) -> Result<Block, ErrorStack> {
        let (mut label, mut header) = (ptr::null_mut(), ptr::null_mut());
        let (mut content, mut length) = (ptr::null_mut(), 0);
        let bio = self.bio.as_ptr();
        // SAFETY: a live BIO, and places for what the call allocates; without
        // success, it leaves them as they are (PEM_read_bio(3)).
        let done = unsafe { PEM_read_bio(bio, &mut label, &mut header, &mut content, &mut length) };
        if done != 1 {
            return Err(ErrorStack::get());
        }
        let length = usize::try_from(length).unwrap_or_default();
        // SAFETY: a C string that the call made for its caller.
        let mut label = unsafe { taken_text(label) };
        label.pop();
        Ok(Block {
            label: label.to_vec(),
            // SAFETY: likewise.
            header: unsafe { taken_text(header) },
            // SAFETY: as many bytes, which the call made for its caller.
            content: unsafe { taken(content, length) },
        })
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and not used again.
        unsafe { openssl_sys::BIO_free_all(self.bio.as_ptr()) };
    }
}

/// Copies a C string that OpenSSL has allocated, with its NUL, wipes and frees it.
///
/// # Safety
///
/// NULL, or a C string from OpenSSL's allocator that is the caller's.
unsafe fn taken_text(text: *mut c_char) -> Zeroizing<Vec<u8>> {
    let Some(start) = NonNull::new(text) else {
        return Zeroizing::new(vec![0]);
    };
    // SAFETY: the caller vouches for the string.
    let length = unsafe { libc::strlen(start.as_ptr()) };
    // SAFETY: likewise, and the NUL follows it.
    unsafe { taken(text.cast(), length.saturating_add(1)) }
}

/// Copies what OpenSSL has allocated, wipes and frees it.
///
/// # Safety
///
/// NULL, or `length` bytes from OpenSSL's allocator that are the caller's.
unsafe fn taken(bytes: *mut u8, length: usize) -> Zeroizing<Vec<u8>> {
    let mut copy = Zeroizing::new(Vec::new());
    if let Some(start) = NonNull::new(bytes) {
        // SAFETY: the caller vouches for the bytes.
        let slice = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), length) };
        copy.extend_from_slice(slice);
        slice.zeroize();
        // SAFETY: likewise, and nobody uses them again.
        unsafe { openssl_sys::OPENSSL_free(bytes.cast()) };
    }
    copy
}

impl Block {
    /// Whether its header says something, which can only be that it is encrypted.
    pub(crate) fn has_header(&self) -> bool {
        self.header.len() > 1
    }

    /// Looks whether OpenSSL knows how it is encrypted.
    pub(crate) fn check_cipher(&self) -> Result<(), ErrorStack> {
        self.cipher().map(|_| ())
    }

    /// The content, decrypted as the header says: MD5 makes the key, in one round
    /// (PEM_do_header(3)).
    pub(crate) fn decrypt(&self, passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut cipher = self.cipher()?;
        let mut content = self.content.clone();
        let mut length = c_long::try_from(content.len()).map_err(|_| ErrorStack::get())?;
        let data = PinMethod::data(Some(passphrase));
        // SAFETY: what the header names, as many bytes as the vector has, where the
        // result is written and not longer, and what the callback takes.
        let done = unsafe {
            PEM_do_header(
                &mut cipher,
                content.as_mut_ptr(),
                &mut length,
                Some(answer),
                ptr::from_ref(&data).cast_mut().cast(),
            )
        };
        if done != 1 {
            return Err(ErrorStack::get());
        }
        content.truncate(usize::try_from(length).unwrap_or_default());
        Ok(content)
    }

    fn cipher(&self) -> Result<CipherInfo, ErrorStack> {
        let mut header = self.header.clone();
        let mut cipher = CipherInfo {
            cipher: ptr::null(),
            iv: [0; 16],
        };
        // SAFETY: a C string that the call may write to, and a place for the answer.
        let done = unsafe { PEM_get_EVP_CIPHER_INFO(header.as_mut_ptr().cast(), &mut cipher) };
        if done == 1 {
            Ok(cipher)
        } else {
            Err(ErrorStack::get())
        }
    }
}

/// Whether OpenSSL takes the beginning of these bytes for encrypted PKCS#8:
/// whatever opens such a key starts from this (`PKCS8_decrypt(3)`).
///
/// # Errors
///
/// It does not, for one reason or another.
pub(crate) fn encrypted_pkcs8(content: &[u8]) -> Result<(), ErrorStack> {
    let length = c_long::try_from(content.len()).map_err(|_| ErrorStack::get())?;
    let mut start = content.as_ptr();
    // SAFETY: as many bytes as the slice has; the call moves its own copy of the
    // pointer (d2i_X509(3)).
    let key = unsafe { d2i_X509_SIG(ptr::null_mut(), &mut start, length) };
    let stack = ErrorStack::get();
    // SAFETY: NULL, which is ignored, or made above and not used again.
    unsafe { X509_SIG_free(key) };
    if key.is_null() { Err(stack) } else { Ok(()) }
}
