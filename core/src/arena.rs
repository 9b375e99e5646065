//! The memory for tokens and sessions.

use std::ffi::CStr;

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

/// A C string of `length` bytes in an arena. `write` fills the bytes before the NUL, or
/// returns `None` if `length` is not the number of bytes that it writes.
///
/// # Errors
///
/// `write` returned `None` or wrote a NUL byte, or the arena did not return as many
/// bytes as it was asked for.
pub(crate) fn text<'a>(
    arena: &impl Arena<'a>,
    length: usize,
    write: impl FnOnce(&mut [u8]) -> Option<()>,
) -> Result<&'a CStr, LibraryError> {
    let bytes = arena.bytes(length.saturating_add(1));
    let written = bytes.get_mut(..length).and_then(write);
    written
        .and_then(|()| CStr::from_bytes_with_nul(bytes).ok())
        .ok_or_else(LibraryError::wrong_room)
}
