//! httpd itself: its version, and its modules.

use std::ffi::CStr;
use std::ptr;

use super::bindings::{self, ap_version_t};

/// The version of the httpd that runs: 2.4.71 is `[2, 4, 71]`.
pub(crate) fn version() -> [i32; 3] {
    let mut version = ap_version_t {
        major: 0,
        minor: 0,
        patch: 0,
        add_string: ptr::null(),
    };
    // SAFETY: the call writes the version (ap_mmn.h and httpd.h).
    unsafe { bindings::ap_get_server_revision(&raw mut version) };
    [version.major, version.minor, version.patch]
}

/// Whether a module is loaded, by the name that `<IfModule>` takes: `mod_session.c`.
pub(crate) fn has_module(name: &CStr) -> bool {
    // SAFETY: the name is a C string; the call walks httpd's list of modules
    // (http_config.h).
    !unsafe { bindings::ap_find_linked_module(name.as_ptr()) }.is_null()
}
