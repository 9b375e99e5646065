//! The handlers that `SetHandler` chooses by their names.

use std::ffi::c_int;

use super::bindings::{self, request_rec};
use super::exchange::Exchange;
use super::hook;
use super::module::{Answer, Module};
use super::request::{self, Request};
use super::session::Session;
use super::{session_entries, session_hooks};

/// Adds the handlers to httpd's.
pub(super) fn register<M: Module>() {
    hook::HANDLER.add(Some(handler::<M>), bindings::APR_HOOK_MIDDLE);
}

unsafe extern "C" fn handler<M: Module>(r: *mut request_rec) -> c_int {
    // SAFETY: httpd passes its handlers a request (http_config.h, handler).
    let request = unsafe { Request::from_raw(r) };
    let Some(request) = request else {
        return bindings::DECLINED;
    };
    let name = request.handler().to_bytes();
    let mut handlers = M::HANDLERS.iter();
    let chosen = handlers.find(|handler| handler.name.to_bytes() == name);
    match chosen {
        Some(handler) => handle::<M>(request, handler.answer),
        None => bindings::DECLINED,
    }
}

#[cold]
#[inline(never)]
#[cfg_attr(feature = "planted-panics", track_caller)]
pub(super) fn handle<M: Module>(request: Request<'_>, answer: Answer<M>) -> c_int {
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
