//! mod_status's hook, which adds parts to its page.
//!
//! It is an optional hook: where mod_status is not loaded, nobody runs it.

use std::ffi::c_int;
use std::mem;
use std::ptr;

use super::bindings::{self, ap_HOOK_status_hook_t, request_rec};
use super::module::{Module, StatusForm};
use super::request::{self, Request};

/// Adds the module's part to mod_status's page.
pub(super) fn register<M: Module>() {
    let function: ap_HOOK_status_hook_t = Some(section::<M>);
    // SAFETY: pointers to functions are alike; mod_status calls it with the type that it
    // declares (mod_status.h, status_hook).
    let function = unsafe { mem::transmute::<ap_HOOK_status_hook_t, Untyped>(function) };
    // SAFETY: the name is a C string. APR keeps it and the function, which are part of this
    // library: httpd drops its hooks before it unloads a module (apr_optional_hooks.h,
    // APR_OPTIONAL_HOOK).
    unsafe {
        bindings::apr_optional_hook_add(
            c"status_hook".as_ptr(),
            function,
            ptr::null(),
            ptr::null(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
}

/// A function as APR's table of optional hooks keeps it.
type Untyped = Option<unsafe extern "C" fn()>;

unsafe extern "C" fn section<M: Module>(r: *mut request_rec, flags: c_int) -> c_int {
    // SAFETY: mod_status passes the request that it answers (mod_status.h).
    let Some(request) = (unsafe { Request::from_raw(r) }) else {
        return bindings::DECLINED;
    };
    request::guard(request, "status_hook", bindings::DECLINED, || {
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::module_record().state() }) else {
            return bindings::DECLINED;
        };
        request.write(&M::status_section(state, form(flags)));
        bindings::OK
    })
}

/// The form that flags ask for.
fn form(flags: c_int) -> StatusForm {
    if flags & bindings::AP_STATUS_SHORT != 0 {
        StatusForm::Lines
    } else if flags & bindings::AP_STATUS_NOTABLE != 0 {
        StatusForm::HtmlWithoutTables
    } else {
        StatusForm::Html
    }
}
