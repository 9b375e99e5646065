//! The name of this machine.

use std::ffi::CStr;

/// The name of this machine, which tells it from others that serve the same host.
pub(crate) fn name() -> String {
    // HOST_NAME_MAX is 64 on Linux, and 255 elsewhere.
    let mut name = [0_u8; 256];
    let room = name.len().saturating_sub(1);
    // SAFETY: the array has room for as many bytes, and one more stays 0 (gethostname(2)).
    unsafe { libc::gethostname(name.as_mut_ptr().cast(), room) };
    let name = CStr::from_bytes_until_nul(&name).unwrap_or_default();
    name.to_string_lossy().into_owned()
}
