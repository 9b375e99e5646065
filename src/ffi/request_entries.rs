//! The functions that httpd calls for each request, each under a guard.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::bindings::{self, request_rec};
use super::guard::{Entry, guard};
use super::module::Module;
use super::request::Request;

/// Modules whose fixups are to have run: mod_session puts the session into the
/// environment there.
struct Names([*const c_char; 2]);

// SAFETY: constant text.
unsafe impl Sync for Names {}

static AFTER_MOD_SESSION: Names = Names([c"mod_session.c".as_ptr(), ptr::null()]);

/// Registers the hooks.
pub(super) fn register<M: Module>() {
    let none = ptr::null();
    // SAFETY: lists of names may be NULL (apr_hooks.h), and the hook is a
    // function of this library.
    unsafe {
        bindings::ap_hook_fixups(
            Some(before_fixups::<M>),
            none,
            none,
            bindings::APR_HOOK_REALLY_FIRST,
        );
    }
    // SAFETY: likewise, and the list ends with NULL.
    unsafe {
        bindings::ap_hook_fixups(
            Some(environment_is_set::<M>),
            AFTER_MOD_SESSION.0.as_ptr(),
            none,
            bindings::APR_HOOK_MIDDLE,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_fixups(
            Some(after_fixups::<M>),
            none,
            none,
            bindings::APR_HOOK_REALLY_LAST,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_insert_error_filter(
            Some(before_error::<M>),
            none,
            none,
            bindings::APR_HOOK_REALLY_FIRST,
        );
    }
}

unsafe extern "C" fn before_fixups<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: what httpd passes its hooks.
    unsafe {
        run("fixups", r, |request| {
            M::before_fixups(request);
            request.note_sections::<M>();
        })
    }
}

unsafe extern "C" fn environment_is_set<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: likewise.
    unsafe { run("fixups", r, M::environment_is_set) }
}

unsafe extern "C" fn after_fixups<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: likewise.
    unsafe { run("fixups", r, M::after_fixups) }
}

unsafe extern "C" fn before_error<M: Module>(r: *mut request_rec) {
    // SAFETY: likewise.
    unsafe { run("insert_error_filter", r, M::before_error) };
}

/// Answers that the request may go on, and an error in place of it if ours may
/// have left something behind that belongs to another realm.
///
/// # Safety
///
/// A request as httpd passes it to its hooks.
unsafe fn run(name: &'static str, r: *mut request_rec, hook: impl FnOnce(Request<'_>)) -> c_int {
    // SAFETY: the caller vouches for the request.
    let request = unsafe { Request::from_raw(r) };
    let entry = Entry::of_request(name, request);
    guard(entry, bindings::HTTP_INTERNAL_SERVER_ERROR, || {
        if let Some(request) = request {
            hook(request);
        }
        bindings::DECLINED
    })
}
