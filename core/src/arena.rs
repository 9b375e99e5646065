//! Where tokens and sessions are written.

use std::ffi::CStr;

use crate::error::LibraryError;

/// Memory that outlives the call: a request's pool, in httpd.
///
/// Formats ask for exactly what they write, so that nothing is copied twice.
pub trait Arena<'a> {
    /// Returns `len` bytes, zeroed, that nobody else refers to.
    fn bytes(&self, len: usize) -> &'a mut [u8];
}

/// An arena on the heap that is never freed, for tests and for programs that end
/// soon.
#[derive(Clone, Copy, Debug, Default)]
pub struct HeapArena;

impl Arena<'static> for HeapArena {
    fn bytes(&self, len: usize) -> &'static mut [u8] {
        vec![0; len].leak()
    }
}

/// Text in an arena, with the NUL that ends a C string: `write` fills `length`
/// bytes, or says that they are not as many.
///
/// # Errors
///
/// The arena gives another number of bytes than it was asked for.
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
