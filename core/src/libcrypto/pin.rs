//! The answer to OpenSSL's question for a PIN or a passphrase: `<openssl/ui.h>`.
//!
//! An engine or a store asks for the PIN of a hardware token, and an encrypted key for
//! its passphrase.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;

use openssl::error::ErrorStack;

/// `UI_METHOD` of `<openssl/ui.h>`, an opaque type.
#[repr(C)]
pub(crate) struct UiMethod {
    opaque: [u8; 0],
}

/// `pem_password_cb` of `<openssl/pem.h>`: takes a buffer, its size, non-zero to
/// encrypt, and the caller's data; returns the length of the passphrase.
pub(crate) type PasswordCallback =
    unsafe extern "C" fn(*mut c_char, c_int, c_int, *mut c_void) -> c_int;

unsafe extern "C" {
    fn UI_UTIL_wrap_read_pem_callback(
        callback: Option<PasswordCallback>,
        writing: c_int,
    ) -> *mut UiMethod;
    fn UI_destroy_method(method: *mut UiMethod);
}

/// A method of OpenSSL's to ask for a PIN, which answers from memory and asks nobody.
pub(crate) struct PinMethod(NonNull<UiMethod>);

/// The PIN that [`PinMethod`] answers with, if there is one.
pub(crate) struct PinData<'p>(Option<&'p [u8]>);

impl PinMethod {
    pub(crate) fn new() -> Result<Self, ErrorStack> {
        // SAFETY: `answer` lives as long as the process, and needs as data what
        // `PinMethod::data` makes.
        let method = unsafe { UI_UTIL_wrap_read_pem_callback(Some(answer), 0) };
        NonNull::new(method).map(Self).ok_or_else(ErrorStack::get)
    }

    pub(crate) fn as_ptr(&self) -> *mut UiMethod {
        self.0.as_ptr()
    }

    /// The data to pass along with the method; it must outlive the method's use.
    pub(crate) fn data(pin: Option<&[u8]>) -> PinData<'_> {
        PinData(pin)
    }
}

impl Drop for PinMethod {
    fn drop(&mut self) {
        // SAFETY: `new` made the method, and nothing uses it after this drop.
        unsafe { UI_destroy_method(self.0.as_ptr()) };
    }
}

/// Writes the PIN and returns its length, or -1 without a PIN: a
/// [`PasswordCallback`].
pub(crate) unsafe extern "C" fn answer(
    buffer: *mut c_char,
    size: c_int,
    _writing: c_int,
    data: *mut c_void,
) -> c_int {
    // SAFETY: every caller of this callback passes a pointer to a `PinData` that
    // outlives the call: `engine.rs`, `store.rs` and `pem.rs` do.
    let Some(PinData(Some(pin))) = (unsafe { data.cast::<PinData<'_>>().as_ref() }) else {
        return -1;
    };
    let (Ok(length), Some(buffer)) = (c_int::try_from(pin.len()), NonNull::new(buffer)) else {
        return -1;
    };
    if length >= size {
        return -1;
    }
    // SAFETY: OpenSSL promises `size` bytes at `buffer` (pem_password_cb(3)), and the
    // PIN is shorter. The two do not overlap: the buffer is OpenSSL's.
    unsafe { std::ptr::copy_nonoverlapping(pin.as_ptr(), buffer.as_ptr().cast(), pin.len()) };
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to a request for a PIN with so much room, and the room.
    fn ask(pin: Option<&[u8]>, size: c_int) -> (c_int, [u8; 8]) {
        let (mut room, mut data) = ([0; 8], PinMethod::data(pin));
        // SAFETY: the callback gets the room and the data of this function.
        let length = unsafe { answer(room.as_mut_ptr().cast(), size, 0, (&raw mut data).cast()) };
        (length, room)
    }

    #[test]
    fn answers_with_a_pin_that_has_room_alone() {
        assert_eq!(ask(Some(b"1234"), 5), (4, *b"1234\0\0\0\0"));
        assert_eq!(ask(Some(b"1234"), 4), (-1, [0; 8]));
        assert_eq!(ask(None, 8), (-1, [0; 8]));
    }
}
