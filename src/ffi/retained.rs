//! What outlives a configuration.

use std::ffi::CStr;
use std::ptr::NonNull;

use super::bindings;

/// The name of our bytes among those of other modules.
const NAME: &CStr = c"mod_session_crypto";

/// Sixteen bytes that are random, and the same over graceful restarts.
pub(super) fn random_bytes() -> [u8; 16] {
    // SAFETY: a C string; the answer is NULL or what was made below.
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    if let Some(known) = NonNull::new(known) {
        // SAFETY: made below, and of this type in every build of this module.
        return unsafe { known.cast().read() };
    }
    let mut bytes = [0_u8; 16];
    // SAFETY: the call fills as many bytes as it is told (util.c).
    unsafe { bindings::ap_random_insecure_bytes(bytes.as_mut_ptr().cast(), bytes.len()) };
    // SAFETY: a C string; httpd ends the process if there is no memory.
    let place = unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), bytes.len()) };
    if let Some(place) = NonNull::new(place) {
        // SAFETY: as many bytes, ours alone.
        unsafe { place.cast().write(bytes) };
    }
    bytes
}
