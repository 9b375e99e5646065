//! The handlers that `SetHandler` chooses by their names.

use std::ffi::c_int;

use super::bindings::{self, request_rec};
use super::exchange::Exchange;
use super::guard;
use super::hook;
use super::module::{Answer, Module};
use super::request::{self, Request};
use super::session::Session;
use super::{session_entries, session_hooks};

/// Adds the handlers to httpd's.
pub(super) fn register<M: Module>() {
    hook::HANDLER.add(Some(handler::<M>), bindings::APR_HOOK_MIDDLE);
    hook::HEADER_PARSER.add(Some(early::<M>), bindings::APR_HOOK_REALLY_LAST);
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
    match handle::<M>(request, M::EARLY_HANDLER.answer) {
        // The answer is sent, and no other phase of the request is to come.
        bindings::OK => bindings::DONE,
        status => status,
    }
}

unsafe extern "C" fn handler<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its handlers a request (http_config.h, handler).
    let request = unsafe { Request::from_raw(r) };
    let Some(request) = request else {
        return bindings::DECLINED;
    };
    let chosen = M::HANDLERS
        .iter()
        .find(|handler| request.is_for(handler.name));
    match chosen {
        Some(handler) => handle::<M>(request, handler.answer),
        None => bindings::DECLINED,
    }
}

#[cold]
#[inline(never)]
fn handle<M: Module>(request: Request<'_>, answer: Answer<M>) -> c_int {
    const FAILURE: c_int = bindings::HTTP_INTERNAL_SERVER_ERROR;
    request::guard(request, "handler", FAILURE, || {
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::module_record().state() }) else {
            return FAILURE;
        };
        let config = request.config::<M>();
        let mut exchange = Exchange::new(request, load::<M>);
        let status = answer(&mut exchange, state, &config);
        exchange.finish(status)
    })
}

/// Has mod_session read the session of a request. An exchange calls it once.
pub(super) fn load<M: Module>(
    request: Request<'_>,
) -> Option<Session<'_, M::Realm, M::SessionNote>> {
    let session = session_hooks::load(request)?;
    // SAFETY: mod_session keeps the session for the request. Its hooks have run, and run
    // again when the answer is sent, after the handler. Only the handler's exchange has
    // this view.
    unsafe { session_entries::view_session::<M>(request, session.as_ptr()) }
}
