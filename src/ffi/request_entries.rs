//! The functions that httpd calls for each request, each under a guard.

use std::ffi::c_int;

use super::bindings::{self, request_rec};
use super::hook::{self, Modules, Name};
use super::module::Module;
use super::request::{self, Request};

/// mod_session puts the session into the environment.
const MOD_SESSION: Modules = Modules::new(&[Name::of(c"mod_session.c"), Name::END]);

/// Modules that may end the fixups of a request.
pub(super) const ENDING_FIXUPS: Modules = Modules::new(&[
    Name::of(c"mod_alias.c"),
    Name::of(c"mod_dav.c"),
    Name::of(c"mod_negotiation.c"),
    Name::END,
]);

/// Modules that make a subrequest their request's answer
/// (`ap_internal_fast_redirect`).
pub(super) const REDIRECTING: Modules = Modules::new(&[
    Name::of(c"mod_dir.c"),
    Name::of(c"mod_negotiation.c"),
    Name::END,
]);

/// mod_headers copies the environment where the sections say, which by then may
/// be those of the answer.
pub(super) const MOD_HEADERS: Modules = Modules::new(&[Name::of(c"mod_headers.c"), Name::END]);

const FIRST: c_int = bindings::APR_HOOK_REALLY_FIRST;

/// Adds the functions to their hooks.
pub(super) fn register<M: Module>() {
    hook::MAP_TO_STORAGE.add(Some(before_sections::<M>), FIRST);
    hook::POST_PERDIR_CONFIG.add(Some(sections_are_known::<M>), FIRST);
    hook::FIXUPS.add(Some(before_fixups::<M>), FIRST);
    hook::FIXUPS.add_between(
        MOD_SESSION,
        Some(environment_is_set::<M>),
        ENDING_FIXUPS,
        bindings::APR_HOOK_MIDDLE,
    );
    hook::FIXUPS.add_between(
        REDIRECTING,
        Some(redirects_are_done::<M>),
        MOD_HEADERS,
        bindings::APR_HOOK_LAST,
    );
    hook::FIXUPS.add(Some(after_fixups::<M>), bindings::APR_HOOK_REALLY_LAST);
    hook::INSERT_FILTER.add(Some(before_answer::<M>), FIRST);
    hook::INSERT_ERROR_FILTER.add(Some(before_error::<M>), FIRST);
    hook::LOG_TRANSACTION.add(Some(after_answer::<M>), bindings::APR_HOOK_MIDDLE);
}

unsafe extern "C" fn before_sections<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, map_to_storage).
    unsafe { run_if(is_led_to, "map_to_storage", r, M::before_sections) }
}

unsafe extern "C" fn sections_are_known<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, post_perdir_config).
    unsafe { run_if(is_led_to, "post_perdir_config", r, M::sections_are_known) }
}

unsafe extern "C" fn before_fixups<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, fixups).
    unsafe {
        run_if(any, "fixups", r, |request| {
            M::before_fixups(request);
            request.note_sections::<M>();
        })
    }
}

unsafe extern "C" fn environment_is_set<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, fixups).
    unsafe { run_if(any, "fixups", r, M::environment_is_set) }
}

unsafe extern "C" fn redirects_are_done<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, fixups).
    unsafe { run_if(is_led_on::<M>, "fixups", r, M::redirects_are_done) }
}

unsafe extern "C" fn after_fixups<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, fixups).
    unsafe { run_if(is_led_on::<M>, "fixups", r, M::after_fixups) }
}

unsafe extern "C" fn before_answer<M: Module>(r: *mut request_rec) {
    // SAFETY: httpd passes its hooks a request (http_request.h, insert_filter).
    unsafe { run_if(is_led_to, "insert_filter", r, M::before_answer) };
}

unsafe extern "C" fn before_error<M: Module>(r: *mut request_rec) {
    // SAFETY: httpd passes its hooks a request (http_protocol.h,
    // insert_error_filter).
    unsafe { run_if(any, "insert_error_filter", r, M::before_error) };
}

/// Every request.
fn any(_: Request<'_>) -> bool {
    true
}

/// Runs once for the first request of a chain of redirects.
unsafe extern "C" fn after_answer<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_protocol.h, log_transaction).
    let request = unsafe { Request::from_raw(r) };
    match request.filter(|request| request.has_long_token::<M>()) {
        Some(request) => after_long_token::<M>(request),
        None => bindings::DECLINED,
    }
}

#[cold]
#[inline(never)]
#[cfg_attr(feature = "planted-panics", track_caller)]
fn after_long_token<M: Module>(request: Request<'_>) -> c_int {
    // An error would keep the request from the logs of other modules.
    request::guard(request, "log_transaction", bindings::DECLINED, || {
        // SAFETY: the configuration of a request is in force until its end.
        if let Some(state) = unsafe { M::module_record().state() } {
            M::after_answer(request, state);
        }
        bindings::DECLINED
    })
}

/// Whether another request led to this one.
fn is_led_to(request: Request<'_>) -> bool {
    request.has_origin()
}

/// Whether another request led to this one, or this one has come into other sections
/// since its fixups began.
pub(super) fn is_led_on<M: Module>(request: Request<'_>) -> bool {
    request.has_origin() || request.has_moved::<M>()
}

/// Runs a hook for the requests that it concerns; the others need no guard.
///
/// # Safety
///
/// `r` is a request as httpd passes it to its hooks.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub(super) unsafe fn run_if(
    is_concerned: impl FnOnce(Request<'_>) -> bool,
    name: &str,
    r: *mut request_rec,
    hook: impl FnOnce(Request<'_>),
) -> c_int {
    // SAFETY: the caller promises a request, which lives until the hook returns.
    match unsafe { Request::from_raw(r) } {
        Some(request) if is_concerned(request) => run(name, request, hook),
        _ => bindings::DECLINED,
    }
}

/// Runs a hook, after which the request goes on; a panic ends the request with
/// an error, because the hook may have left something that belongs to another
/// realm.
#[cfg_attr(feature = "planted-panics", track_caller)]
fn run(name: &str, request: Request<'_>, hook: impl FnOnce(Request<'_>)) -> c_int {
    request::guard(request, name, bindings::HTTP_INTERNAL_SERVER_ERROR, || {
        hook(request);
        bindings::DECLINED
    })
}
