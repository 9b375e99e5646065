//! How a PIN reaches an engine or a store that asks for one, and a passphrase the
//! key that it opens: `<openssl/ui.h>`.

use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;

use openssl::error::ErrorStack;

/// `UI_METHOD`, which only OpenSSL looks into.
#[repr(C)]
pub(crate) struct UiMethod {
    opaque: [u8; 0],
}

/// `pem_password_cb` of `<openssl/pem.h>`: a buffer, its size, non-zero to encrypt,
/// and the caller's data; returns the length of the passphrase.
pub(crate) type PasswordCallback =
    unsafe extern "C" fn(*mut c_char, c_int, c_int, *mut c_void) -> c_int;

unsafe extern "C" {
    fn UI_UTIL_wrap_read_pem_callback(
        callback: Option<PasswordCallback>,
        writing: c_int,
    ) -> *mut UiMethod;
    fn UI_destroy_method(method: *mut UiMethod);
}

/// A way to ask for a PIN that never asks anybody.
pub(crate) struct PinMethod(NonNull<UiMethod>);

/// What the method answers with, if anything.
pub(crate) struct PinData<'p>(Option<&'p [u8]>);

impl PinMethod {
    pub(crate) fn new() -> Result<Self, ErrorStack> {
        // SAFETY: the callback is a function of this library.
        let method = unsafe { UI_UTIL_wrap_read_pem_callback(Some(answer), 0) };
        NonNull::new(method).map(Self).ok_or_else(ErrorStack::get)
    }

    pub(crate) fn as_ptr(&self) -> *mut UiMethod {
        self.0.as_ptr()
    }

    /// What has to be passed beside the method, and to outlive its use.
    pub(crate) fn data(pin: Option<&[u8]>) -> PinData<'_> {
        PinData(pin)
    }
}

impl Drop for PinMethod {
    fn drop(&mut self) {
        // SAFETY: made by `new`, and not used again.
        unsafe { UI_destroy_method(self.0.as_ptr()) };
    }
}

/// `pem_password_cb` of `<openssl/pem.h>`: writes the PIN and returns its
/// length, or -1 without one.
pub(crate) unsafe extern "C" fn answer(
    buffer: *mut c_char,
    size: c_int,
    _writing: c_int,
    data: *mut c_void,
) -> c_int {
    // SAFETY: what `PinMethod::data` made, which outlives the call.
    let Some(PinData(Some(pin))) = (unsafe { data.cast::<PinData<'_>>().as_ref() }) else {
        return -1;
    };
    let (Ok(length), Some(buffer)) = (c_int::try_from(pin.len()), NonNull::new(buffer)) else {
        return -1;
    };
    if length >= size {
        return -1;
    }
    // SAFETY: `buffer` has `size` bytes, which is more.
    unsafe { std::ptr::copy_nonoverlapping(pin.as_ptr(), buffer.as_ptr().cast(), pin.len()) };
    length
}
