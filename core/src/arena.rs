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
    type Writer = SliceWriter<'static>;

    fn bytes(&self, len: usize) -> &'static mut [MaybeUninit<u8>] {
        Box::leak(Box::new_uninit_slice(len))
    }

    fn writer(&self, len: usize) -> SliceWriter<'static> {
        SliceWriter::new(vec![0; len.saturating_add(1)].leak())
    }
}

/// The writer of an arena that can clear its memory first.
#[derive(Debug)]
pub struct SliceWriter<'a> {
    /// Room for the text, and the NUL after it.
    text: &'a mut [u8],
    /// Bytes that are written; `None` if there was no room for them.
    written: Option<usize>,
}

impl<'a> SliceWriter<'a> {
    /// Writes into zeros: room for the text, and one byte more.
    pub fn new(zeros: &'a mut [u8]) -> Self {
        Self {
            text: zeros,
            written: Some(0),
        }
    }

    fn append(&mut self, bytes: &[u8]) -> Option<&mut [u8]> {
        let start = self.written.take()?;
        let end = start.checked_add(bytes.len())?;
        let (_, text) = self.text.split_last_mut()?;
        let room = text.get_mut(start..end)?;
        room.copy_from_slice(bytes);
        self.written = Some(end);
        Some(room)
    }
}

impl<'a> Writer<'a> for SliceWriter<'a> {
    fn push(&mut self, bytes: &[u8]) {
        self.append(bytes);
    }

    fn fill(
        &mut self,
        len: usize,
        write: impl for<'w> FnOnce(&'w mut [MaybeUninit<u8>]) -> Option<&'w mut [u8]>,
    ) -> Option<&mut [u8]> {
        let mut room = Box::new_uninit_slice(len);
        let bytes = write(&mut room)?;
        if bytes.len() != len {
            return None;
        }
        self.append(bytes)
    }

    fn finish(self) -> Option<Text<'a>> {
        let end = self.written?.checked_add(1)?;
        (end == self.text.len()).then(|| Text::new(self.text))?
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

#[cfg(test)]
mod tests {
    use super::*;

    fn written(len: usize, parts: &[&str]) -> Option<String> {
        let mut writer = HeapArena.writer(len);
        for part in parts {
            writer.push(part.as_bytes());
        }
        let text = writer.finish()?;
        assert_eq!(text.to_bytes_with_nul().last(), Some(&0));
        Some(text.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_text_is_as_long_as_its_room() {
        assert_eq!(written(5, &["ab", "", "cde"]).as_deref(), Some("abcde"));
        assert_eq!(written(0, &[]).as_deref(), Some(""));
        for parts in [
            &["ab", "cd"][..],
            &["abcde", "f"],
            &["abcdef"],
            &["abcdef", ""],
        ] {
            assert_eq!(written(5, parts), None, "{parts:?}");
        }
    }

    #[test]
    fn a_part_that_is_shorter_than_said_is_no_part() {
        let mut writer = HeapArena.writer(2);
        assert!(writer.fill(2, |_| Some(&mut [])).is_none());
        assert!(writer.fill(2, |_| None).is_none());
    }

    #[test]
    fn a_text_prints_its_type_only() {
        let mut writer = HeapArena.writer(6);
        writer.push(b"secret");
        assert_eq!(format!("{:?}", writer.finish().unwrap()), "Text");
    }
}
