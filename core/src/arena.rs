//! The memory for tokens and sessions.

use std::fmt;
use std::mem::MaybeUninit;
use std::str::{self, Utf8Error};

use memchr::memchr;

/// An allocator whose memory outlives the call. In httpd, this is a request's pool.
///
/// A format allocates exactly the bytes that it writes, so no byte is copied or cleared
/// without need.
pub trait Arena<'a> {
    /// Text that is written piece by piece.
    type Writer: Writer<'a>;

    /// Allocates `len` bytes.
    fn bytes(&self, len: usize) -> &'a mut [MaybeUninit<u8>];

    /// Allocates room for `len` bytes of text, and the NUL after them.
    fn writer(&self, len: usize) -> Self::Writer;
}

/// Text in an arena that is being written, from its start to its end.
pub trait Writer<'a> {
    /// Appends bytes.
    fn push(&mut self, bytes: &[u8]);

    /// Appends `len` bytes, which `write` fills and returns; `None` if it does not, or if
    /// there is no room for as many.
    fn fill(
        &mut self,
        len: usize,
        write: impl for<'w> FnOnce(&'w mut [MaybeUninit<u8>]) -> Option<&'w mut [u8]>,
    ) -> Option<&mut [u8]>;

    /// Appends the NUL; `None` unless exactly as many bytes were appended as there is room
    /// for.
    fn finish(self) -> Option<Text<'a>>;
}

/// An arena on the heap that frees nothing, for tests and for programs that end soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapArena;

impl Arena<'static> for HeapArena {
    type Writer = HeapWriter;

    fn bytes(&self, len: usize) -> &'static mut [MaybeUninit<u8>] {
        Box::leak(Box::new_uninit_slice(len))
    }

    fn writer(&self, len: usize) -> HeapWriter {
        HeapWriter {
            text: Vec::new(),
            len,
        }
    }
}

/// The writer of a [`HeapArena`].
#[derive(Debug)]
pub struct HeapWriter {
    text: Vec<u8>,
    len: usize,
}

impl Writer<'static> for HeapWriter {
    fn push(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    fn fill(
        &mut self,
        len: usize,
        write: impl for<'w> FnOnce(&'w mut [MaybeUninit<u8>]) -> Option<&'w mut [u8]>,
    ) -> Option<&mut [u8]> {
        let mut room = Box::new_uninit_slice(len);
        let start = self.text.len();
        self.text.extend_from_slice(write(&mut room)?);
        self.text
            .get_mut(start..)
            .filter(|bytes| bytes.len() == len)
    }

    fn finish(mut self) -> Option<Text<'static>> {
        let is_full = self.text.len() == self.len;
        self.text.push(0);
        is_full.then(|| Text::new(self.text.leak()))?
    }
}

/// A token or a session in an arena: bytes that end in a NUL, as a C string does.
///
/// It is not a [`CStr`](std::ffi::CStr), which would look for NULs byte by byte: a token
/// is base64, and a session is searched by the fastest means when it is decrypted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Text<'a> {
    /// With the NUL.
    bytes: &'a [u8],
}

impl<'a> Text<'a> {
    /// Takes bytes that end in a NUL; `None` if they do not.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.last() == Some(&0)).then_some(Self { bytes })
    }

    /// Whether there is a NUL before the last byte, so that C would see less of the text.
    pub(crate) fn has_nul(self) -> bool {
        memchr(0, self.to_bytes()).is_some()
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
