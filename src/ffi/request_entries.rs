//! The functions that httpd calls for each request, each under a guard.

use std::ffi::{c_char, c_int};
use std::ptr;

use super::bindings::{self, request_rec};
use super::guard::{Entry, guard};
use super::module::Module;
use super::request::Request;

/// Modules whose fixups are to run before or after one of ours; NULL ends them.
struct Names<const N: usize>([*const c_char; N]);

// SAFETY: constant text.
unsafe impl<const N: usize> Sync for Names<N> {}

/// It puts the session into the environment.
static AFTER_MOD_SESSION: Names<2> = Names([c"mod_session.c".as_ptr(), ptr::null()]);

/// They may end the fixups of a request.
static BEFORE_OTHERS: Names<4> = Names([
    c"mod_alias.c".as_ptr(),
    c"mod_dav.c".as_ptr(),
    c"mod_negotiation.c".as_ptr(),
    ptr::null(),
]);

/// They make a subrequest their request's answer (`ap_internal_fast_redirect`).
static AFTER_REDIRECTS: Names<3> = Names([
    c"mod_dir.c".as_ptr(),
    c"mod_negotiation.c".as_ptr(),
    ptr::null(),
]);

/// It copies the environment where the sections say, which by then may be those
/// of the answer.
static BEFORE_MOD_HEADERS: Names<2> = Names([c"mod_headers.c".as_ptr(), ptr::null()]);

/// Registers the hooks.
pub(super) fn register<M: Module>() {
    let none = ptr::null();
    // SAFETY: lists of names may be NULL (apr_hooks.h), and the hook is a
    // function of this library.
    unsafe {
        bindings::ap_hook_map_to_storage(
            Some(before_sections::<M>),
            none,
            none,
            bindings::APR_HOOK_REALLY_FIRST,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_post_perdir_config(
            Some(sections_are_known::<M>),
            none,
            none,
            bindings::APR_HOOK_REALLY_FIRST,
        );
    }
    // SAFETY: likewise.
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
            BEFORE_OTHERS.0.as_ptr(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_fixups(
            Some(redirects_are_done::<M>),
            AFTER_REDIRECTS.0.as_ptr(),
            BEFORE_MOD_HEADERS.0.as_ptr(),
            bindings::APR_HOOK_LAST,
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
        bindings::ap_hook_insert_filter(
            Some(before_answer::<M>),
            none,
            none,
            bindings::APR_HOOK_REALLY_FIRST,
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

unsafe extern "C" fn before_sections<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: what httpd passes its hooks.
    unsafe { run("map_to_storage", r, M::before_sections) }
}

unsafe extern "C" fn sections_are_known<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: likewise.
    unsafe { run("post_perdir_config", r, M::sections_are_known) }
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

unsafe extern "C" fn redirects_are_done<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: likewise.
    unsafe { run("fixups", r, M::redirects_are_done) }
}

unsafe extern "C" fn after_fixups<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: likewise.
    unsafe { run("fixups", r, M::after_fixups) }
}

unsafe extern "C" fn before_answer<M: Module>(r: *mut request_rec) {
    // SAFETY: likewise.
    unsafe { run("insert_filter", r, M::before_answer) };
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
