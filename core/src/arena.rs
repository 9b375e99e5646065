//! The memory for tokens and sessions.

use std::fmt;
use std::str::{self, Utf8Error};

use memchr::memchr;

use crate::error::LibraryError;

/// An allocator whose memory outlives the call. In httpd, this is a request's pool.
///
/// A format allocates exactly the bytes that it writes, so no byte is copied twice.
pub trait Arena<'a> {
    /// Allocates `len` zeroed bytes.
    fn bytes(&self, len: usize) -> &'a mut [u8];
}

/// An arena on the heap that frees nothing, for tests and for programs that end soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapArena;

impl Arena<'static> for HeapArena {
    fn bytes(&self, len: usize) -> &'static mut [u8] {
        vec![0; len].leak()
    }
}

/// A token or a session in an arena: bytes that end in a NUL, as a C string does.
///
/// It is not a [`CStr`](std::ffi::CStr), which would look for NULs byte by byte: a token
/// is base64, and a session was searched by the fastest means when it was decrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// With the NUL.
    bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// Takes bytes that end in a NUL; `None` if they do not, or another NUL is in them.
    pub(crate) fn new(bytes: &'a [u8]) -> Option<Self> {
        let (last, text) = bytes.split_last()?;
        (*last == 0 && memchr(0, text).is_none()).then_some(Self { bytes })
    }

    /// The text without the NUL.
    pub fn to_bytes(self) -> &'a [u8] {
        self.bytes.split_last().map_or(&[], |(_, text)| text)
    }

    /// The text with the NUL, which is always its last byte.
    pub fn to_bytes_with_nul(self) -> &'a [u8] {
        self.bytes
    }

    /// The text as a `str`.
    ///
    /// # Errors
    ///
    /// It is not UTF-8. A token always is.
    pub fn to_str(self) -> Result<&'a str, Utf8Error> {
        str::from_utf8(self.to_bytes())
    }
}

impl fmt::Debug for Text<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Text")
    }
}

/// Base64 of `length` bytes in an arena. `write` fills the bytes before the NUL, or
/// returns `None` if `length` is not the number of bytes that it writes.
///
/// # Errors
///
/// `write` returned `None`, or the arena did not return as many bytes as it was asked for.
pub(crate) fn base64<'a>(
    arena: &impl Arena<'a>,
    length: usize,
    write: impl FnOnce(&mut [u8]) -> Option<()>,
) -> Result<Text<'a>, LibraryError> {
    let bytes = arena.bytes(length.saturating_add(1));
    let written = match bytes.split_last_mut() {
        Some((last, text)) if text.len() == length => {
            *last = 0;
            write(text)
        }
        _ => None,
    };
    written
        .map(|()| Text { bytes })
        .ok_or_else(LibraryError::wrong_room)
}
