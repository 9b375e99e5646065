//! Random bytes that outlive a configuration.

use std::ffi::CStr;
use std::ptr::NonNull;

use super::bindings;

/// The name of our bytes, which no other module has.
const NAME: &CStr = c"mod_session_crypto";

/// Sixteen random bytes, which stay the same over graceful restarts.
pub(super) fn random_bytes() -> [u8; 16] {
    // SAFETY: the name is a C string; the answer is NULL, or memory that an
    // earlier call has made below (httpd.h, ap_retained_data_get).
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    if let Some(known) = NonNull::new(known) {
        // SAFETY: memory under this name has this type in every build of this
        // module.
        return unsafe { known.cast().read() };
    }
    let mut bytes = [0_u8; 16];
    // SAFETY: the call fills as many bytes as it is told (server/util.c).
    unsafe { bindings::ap_random_insecure_bytes(bytes.as_mut_ptr().cast(), bytes.len()) };
    // SAFETY: the name is a C string; httpd ends the process if there is no memory.
    let memory = unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), bytes.len()) };
    if let Some(memory) = NonNull::new(memory) {
        // SAFETY: as many bytes were asked for, and only this function has them.
        unsafe { memory.cast().write(bytes) };
    }
    bytes
}
