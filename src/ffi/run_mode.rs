//! The purpose that httpd was started for: to serve, or to check.

use super::bindings;

/// Whether httpd only looks at its configuration, and ends: `httpd -t`.
pub(crate) fn is_config_test() -> bool {
    // SAFETY: a query without arguments.
    let mode = unsafe { bindings::ap_state_query(bindings::AP_SQ_RUN_MODE) };
    mode == bindings::AP_SQ_RM_CONFIG_TEST
}
