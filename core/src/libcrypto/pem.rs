//! The blocks of a PEM file as OpenSSL reads them, and their decryption:
//! `<openssl/pem.h>`, from which the openssl crate wraps only calls that read a whole
//! key.

use std::ffi::{c_char, c_int, c_long, c_void};
use std::ptr::{self, NonNull};

use openssl::error::{Error, ErrorStack};
use openssl_sys::{BIO, EVP_CIPHER};
use zeroize::{Zeroize, Zeroizing};

use crate::libcrypto::pin::{PasswordCallback, PinMethod, answer};

/// `X509_SIG` of `<openssl/types.h>`, an opaque type.
#[repr(C)]
struct X509Sig {
    opaque: [u8; 0],
}

/// `EVP_CIPHER_INFO` of `<openssl/evp.h>`. An IV has at most 16 bytes
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
    /// The header lines of the older form (RFC 1421), as a C string. They say that the
    /// content is encrypted, and how.
    header: Zeroizing<Vec<u8>>,
    pub(crate) content: Zeroizing<Vec<u8>>,
}

/// All blocks of a file.
///
/// # Errors
///
/// A block is malformed.
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

/// Whether these errors say that no further BEGIN line follows.
fn is_end(stack: &ErrorStack) -> bool {
    let is_end = |error: &Error| {
        error.library_code() == openssl_sys::ERR_LIB_PEM && error.reason_code() == NO_START_LINE
    };
    matches!(stack.errors(), [error] if is_end(error))
}

/// `PEM_R_NO_START_LINE` of `<openssl/pemerr.h>`.
const NO_START_LINE: c_int = 108;

/// The content of a file, as a BIO.
struct File<'f> {
    bio: NonNull<BIO>,
    _content: &'f [u8],
}

impl<'f> File<'f> {
    fn new(content: &'f [u8]) -> Result<Self, ErrorStack> {
        let length = c_int::try_from(content.len()).map_err(|_| ErrorStack::get())?;
        // SAFETY: `length` is the slice's, and the slice outlives the BIO: `_content`
        // borrows it. A BIO over a buffer only reads it (BIO_s_mem(3)).
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
        // SAFETY: `self` keeps the BIO live, and each of the other arguments points to
        // a variable. Without success, the call leaves them unchanged
        // (PEM_read_bio(3)).
        let done = unsafe { PEM_read_bio(bio, &mut label, &mut header, &mut content, &mut length) };
        if done != 1 {
            return Err(ErrorStack::get());
        }
        let length = usize::try_from(length).unwrap_or_default();
        // SAFETY: the call succeeded, and so `label` is a C string from OpenSSL's
        // allocator that is ours to free (PEM_read_bio(3)).
        let mut label = unsafe { taken_text(label) };
        label.pop();
        Ok(Block {
            label: label.to_vec(),
            // SAFETY: the call succeeded, and so `header` is a C string from OpenSSL's
            // allocator that is ours to free (PEM_read_bio(3)).
            header: unsafe { taken_text(header) },
            // SAFETY: the call succeeded, and so `content` has `length` bytes from
            // OpenSSL's allocator that are ours to free (PEM_read_bio(3)).
            content: unsafe { taken(content, length) },
        })
    }
}

impl Drop for File<'_> {
    fn drop(&mut self) {
        // SAFETY: `new` made the BIO, and nothing uses it after this drop.
        unsafe { openssl_sys::BIO_free_all(self.bio.as_ptr()) };
    }
}

/// Copies a C string that OpenSSL has allocated, with its NUL, then wipes and frees
/// the original.
///
/// # Safety
///
/// `text` is NULL, or a C string from OpenSSL's allocator that the caller owns.
unsafe fn taken_text(text: *mut c_char) -> Zeroizing<Vec<u8>> {
    let Some(start) = NonNull::new(text) else {
        return Zeroizing::new(vec![0]);
    };
    // SAFETY: the caller promises that `text`, if not NULL, is a C string.
    let length = unsafe { libc::strlen(start.as_ptr()) };
    // SAFETY: the caller promises a C string from OpenSSL's allocator that it owns;
    // its NUL follows `length` bytes.
    unsafe { taken(text.cast(), length.saturating_add(1)) }
}

/// Copies bytes that OpenSSL has allocated, then wipes and frees the original.
///
/// # Safety
///
/// `bytes` is NULL, or points to `length` bytes from OpenSSL's allocator that the
/// caller owns.
unsafe fn taken(bytes: *mut u8, length: usize) -> Zeroizing<Vec<u8>> {
    let mut copy = Zeroizing::new(Vec::new());
    if let Some(start) = NonNull::new(bytes) {
        // SAFETY: the caller promises `length` bytes that it owns, so no other
        // reference to them exists.
        let slice = unsafe { std::slice::from_raw_parts_mut(start.as_ptr(), length) };
        copy.extend_from_slice(slice);
        slice.zeroize();
        // SAFETY: the caller promises that the bytes are from OpenSSL's allocator and
        // its own, and `slice` is not used again.
        unsafe { openssl_sys::OPENSSL_free(bytes.cast()) };
    }
    copy
}

impl Block {
    /// Whether the block has a header, which only an encrypted block of the older form
    /// has.
    pub(crate) fn has_header(&self) -> bool {
        self.header.len() > 1
    }

    /// Checks that OpenSSL knows the cipher of the header.
    pub(crate) fn check_cipher(&self) -> Result<(), ErrorStack> {
        self.cipher().map(|_| ())
    }

    /// Decrypts the content as the header says. One round of MD5 derives the key from
    /// the passphrase (PEM_do_header(3)).
    pub(crate) fn decrypt(&self, passphrase: &[u8]) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
        let mut cipher = self.cipher()?;
        let mut content = self.content.clone();
        let mut length = c_long::try_from(content.len()).map_err(|_| ErrorStack::get())?;
        let data = PinMethod::data(Some(passphrase));
        // SAFETY: `cipher` is from PEM_get_EVP_CIPHER_INFO, and `length` is the
        // vector's. The call decrypts in place and only shortens (PEM_do_header(3)).
        // `answer` takes a `PinData`, and `data` outlives the call.
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
        // SAFETY: `header` is a C string of our own, which the call may write to, and
        // `cipher` takes the answer.
        let done = unsafe { PEM_get_EVP_CIPHER_INFO(header.as_mut_ptr().cast(), &mut cipher) };
        if done == 1 {
            Ok(cipher)
        } else {
            Err(ErrorStack::get())
        }
    }
}

/// Checks that OpenSSL reads these bytes, or their beginning, as encrypted PKCS#8. To
/// open such a key begins with this step (`PKCS8_decrypt(3)`).
///
/// # Errors
///
/// The bytes do not begin with encrypted PKCS#8, or OpenSSL failed.
pub(crate) fn encrypted_pkcs8(content: &[u8]) -> Result<(), ErrorStack> {
    let length = c_long::try_from(content.len()).map_err(|_| ErrorStack::get())?;
    let mut start = content.as_ptr();
    // SAFETY: `length` is the slice's. The call moves `start`, a copy of the slice's
    // pointer (d2i_X509(3)).
    let key = unsafe { d2i_X509_SIG(ptr::null_mut(), &mut start, length) };
    let stack = ErrorStack::get();
    // SAFETY: `key` is ours and only compared with NULL below; the call ignores NULL.
    unsafe { X509_SIG_free(key) };
    if key.is_null() { Err(stack) } else { Ok(()) }
}
