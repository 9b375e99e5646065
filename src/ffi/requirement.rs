//! The demand on requests that `Require` knows.

use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use super::bindings::{
    self, AUTHZ_DENIED, AUTHZ_DENIED_NO_USER, AUTHZ_GRANTED, apr_pool_t, authz_provider,
    authz_status, cmd_parms, request_rec,
};
use super::directive::STOPPED;
use super::exchange::Exchange;
use super::guard::guard;
use super::handler;
use super::module::Module;
use super::pool::Pool;
use super::request::{self, Request};

/// The group and the version of providers of authorization (mod_auth.h,
/// AUTHZ_PROVIDER_GROUP and AUTHZ_PROVIDER_VERSION).
const GROUP: &CStr = c"authz";
const VERSION: &CStr = c"0";

/// Adds the demand to those of httpd, in the pool of its configuration.
pub(super) fn register<M: Module>(raw: *mut apr_pool_t) {
    // SAFETY: httpd passes the pool in which it keeps the hooks of modules.
    let Some(pool) = (unsafe { Pool::from_raw(raw) }) else {
        return;
    };
    let provider = pool.store_raw(authz_provider {
        check_authorization: Some(check::<M>),
        parse_require_line: Some(parse::<M>),
    });
    // SAFETY: the names are constants, and the provider lives as long as the pool
    // (http_request.h, ap_register_auth_provider).
    unsafe {
        bindings::ap_register_auth_provider(
            raw,
            GROUP.as_ptr(),
            M::REQUIREMENT.name.as_ptr(),
            VERSION.as_ptr(),
            provider.as_ptr().cast(),
            bindings::AP_AUTH_INTERNAL_PER_CONF,
        );
    }
}

/// Takes the arguments of a line; answers NULL, or the message about them.
unsafe extern "C" fn parse<M: Module>(
    parms: *mut cmd_parms,
    line: *const c_char,
    _: *mut *const c_void,
) -> *const c_char {
    guard("a directive", STOPPED.as_ptr(), || {
        // SAFETY: httpd passes the rest of the line, a C string (mod_auth.h,
        // parse_require_line).
        let line = unsafe { CStr::from_ptr(line) };
        if line.to_bytes().trim_ascii() == M::REQUIREMENT.argument.to_bytes() {
            return ptr::null();
        }
        let message = (M::REQUIREMENT.wrong_argument)().to_string();
        // SAFETY: httpd passes the parameters of a line (http_config.h).
        let pool = unsafe { (*parms).temp_pool };
        // SAFETY: the pool for as long as the configuration is read.
        let pool = unsafe { Pool::from_raw(pool) };
        let message = pool.map_or(M::REQUIREMENT.argument, |pool| pool.text(&message));
        message.as_ptr()
    })
}

unsafe extern "C" fn check<M: Module>(
    r: *mut request_rec,
    _: *const c_char,
    _: *const c_void,
) -> authz_status {
    // SAFETY: httpd passes a request (mod_auth.h, check_authorization).
    let Some(request) = (unsafe { Request::from_raw(r) }) else {
        return AUTHZ_DENIED;
    };
    request::guard(request, "authorization", AUTHZ_DENIED, || {
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::module_record().state() }) else {
            return AUTHZ_DENIED;
        };
        let config = request.config::<M>();
        let mut exchange = Exchange::new(request, handler::load::<M>);
        if (M::REQUIREMENT.is_met)(&mut exchange, state, &config) {
            return AUTHZ_GRANTED;
        }
        // A login may come first, and begins another session.
        match request.has_authentication() && !request.has_user() {
            true => AUTHZ_DENIED_NO_USER,
            false => AUTHZ_DENIED,
        }
    })
}
