//! The purpose for which httpd reads its configuration: to serve, or to check.

use std::ffi::CStr;

use super::bindings;

/// Whether httpd checks its configuration and ends: `httpd -t`.
pub(crate) fn is_config_test() -> bool {
    // SAFETY: ap_state_query only reads a variable of httpd's (server/core.c).
    let mode = unsafe { bindings::ap_state_query(bindings::AP_SQ_RUN_MODE) };
    mode == bindings::AP_SQ_RM_CONFIG_TEST
}

/// Whether the configuration is read for the first time, in which httpd only
/// checks it: it will be read again, or never served.
pub(super) fn is_first_reading() -> bool {
    // SAFETY: ap_state_query only reads a variable of httpd's (server/core.c).
    let phase = unsafe { bindings::ap_state_query(bindings::AP_SQ_MAIN_STATE) };
    phase == bindings::AP_SQ_MS_CREATE_PRE_CONFIG
}

/// Whether the parent is about to exit, and clears its pools (server/main.c).
pub(super) fn is_exiting() -> bool {
    // SAFETY: ap_state_query only reads a variable of httpd's (server/core.c).
    let phase = unsafe { bindings::ap_state_query(bindings::AP_SQ_MAIN_STATE) };
    phase == bindings::AP_SQ_MS_EXITING
}

/// Whether the processes of the configuration in force are being ended.
pub(super) fn is_stopping() -> bool {
    let mut state = 0;
    // SAFETY: the call writes a number (ap_mpm.h).
    let failed = unsafe { bindings::ap_mpm_query(bindings::AP_MPMQ_MPM_STATE, &raw mut state) };
    failed != bindings::OK || state == bindings::AP_MPMQ_STOPPING
}

/// Whether httpd serves with its only process, which nobody watches over: `httpd -X`.
pub(crate) fn is_one_process() -> bool {
    // As the MPMs tell it (server/mpm/prefork/prefork.c, prefork_open_logs).
    [c"DEBUG", c"ONE_PROCESS"].into_iter().any(is_defined)
}

/// Whether a name is defined, as by `httpd -D NAME`.
fn is_defined(name: &CStr) -> bool {
    // SAFETY: the call compares a C string with those that are defined (http_core.h).
    unsafe { bindings::ap_exists_config_define(name.as_ptr()) != 0 }
}
