//! The functions that httpd calls for a request where a line of the configuration is about
//! the devices of sessions.
//!
//! The first such line adds them: without one, no request runs them.

use std::ffi::c_int;

use super::bindings::{self, request_rec};
use super::guard;
use super::handler;
use super::hook::{self, Modules, Name};
use super::module::Module;
use super::request::{self, Request};
use super::request_entries::{self, ENDING_FIXUPS, MOD_HEADERS, REDIRECTING};

/// mod_session puts the session into the environment, and mod_env the words of `SetEnv`.
const SETTING_ENVIRONMENT: Modules = Modules::new(&[
    Name::of(c"mod_session.c"),
    Name::of(c"mod_env.c"),
    Name::END,
]);

/// The orders after those of the functions that every request has (apr_hooks.h: orders are
/// plain numbers).
const AFTER_MIDDLE: c_int = bindings::APR_HOOK_MIDDLE.saturating_add(1);
const AFTER_LAST: c_int = bindings::APR_HOOK_LAST.saturating_add(1);

/// Adds the functions to their hooks. A line of the configuration calls this, once: httpd
/// sorts its hooks again when it has read all lines (server/main.c).
pub(crate) fn register<M: Module>() {
    hook::HEADER_PARSER.add(Some(early::<M>), bindings::APR_HOOK_REALLY_LAST);
    hook::FIXUPS.add_between(
        SETTING_ENVIRONMENT,
        Some(session_is_read::<M>),
        ENDING_FIXUPS,
        AFTER_MIDDLE,
    );
    hook::FIXUPS.add_between(
        REDIRECTING,
        Some(redirects_are_done::<M>),
        MOD_HEADERS,
        AFTER_LAST,
    );
}

/// Answers a request for the early handler before any module asks who sends it: the sections
/// are known, and neither authentication nor a session comes in the way. Another request may
/// lead to the handler, but not so early.
unsafe extern "C" fn early<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_config.h, header_parser).
    let request = unsafe { Request::from_raw(r) };
    let Some(request) = request else {
        return bindings::DECLINED;
    };
    let config = request.known_config::<M>();
    let may_answer = |config| guard::catch(|| M::may_answer_early(request, config));
    let is_early = config.and_then(may_answer).unwrap_or_default();
    if !is_early || request.has_origin() || !request.is_to_be_for(M::EARLY_HANDLER.name) {
        return bindings::DECLINED;
    }
    match handler::handle::<M>(request, M::EARLY_HANDLER.answer) {
        // The answer is sent, and no other phase of the request is to come.
        bindings::OK => bindings::DONE,
        status => status,
    }
}

unsafe extern "C" fn session_is_read<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its hooks a request (http_request.h, fixups).
    let Some(request) = (unsafe { Request::from_raw(r) }) else {
        return bindings::DECLINED;
    };
    request::guard(
        request,
        "fixups",
        bindings::HTTP_INTERNAL_SERVER_ERROR,
        || {
            let page = M::session_is_read(request);
            page.map_or(bindings::DECLINED, |page| request.forbid_with(page))
        },
    )
}

unsafe extern "C" fn redirects_are_done<M: Module>(r: *mut request_rec) -> c_int {
    let is_led_on = request_entries::is_led_on::<M>;
    // SAFETY: httpd passes its hooks a request (http_request.h, fixups).
    unsafe { request_entries::run_if(is_led_on, "fixups", r, M::section_is_chosen) }
}
