//! The functions that mod_session calls, each under a guard.

use std::ffi::c_int;

use super::bindings::{self, apr_status_t, request_rec, session_rec};
use super::guard::{Entry, guard};
use super::module::{Failed, Module};
use super::request::Request;
use super::session::Session;
use super::session_hooks::SessionHooks;

/// The hooks of a module.
pub(super) fn hooks<M: Module>() -> SessionHooks {
    SessionHooks {
        encode: Some(encode::<M>),
        decode: Some(decode::<M>),
        decoded: Some(decoded::<M>),
        save: Some(save::<M>),
    }
}

unsafe extern "C" fn encode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: what mod_session passes its hooks, and our symbol's index.
    unsafe { run::<M>("session_encode", r, z, M::encode) }
}

unsafe extern "C" fn decode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: likewise.
    let status = unsafe { run::<M>("session_decode", r, z, M::decode) };
    if status == bindings::OK {
        return status;
    }
    // mod_session would make a session of its own, and save it over the cookie.
    // SAFETY: likewise.
    unsafe { run::<M>("session_decode", r, z, give_up::<M>) }
}

/// Leaves an empty session where `decode` came to no end.
fn give_up<'r, M: Module>(
    _: Request<'r>,
    _: &'r M::State,
    record: &M::Record<'r>,
    session: &mut Session<'r, M::Realm>,
) -> Result<(), Failed> {
    session.give_up(M::realm(record));
    Ok(())
}

unsafe extern "C" fn decoded<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: likewise.
    unsafe { run::<M>("session_decode", r, z, M::decoded) }
}

/// Answers `OK` where nothing is to be stored, which ends the matter
/// (`AP_IMPLEMENT_HOOK_RUN_FIRST`), and `DECLINED` to leave it to the stores.
unsafe extern "C" fn save<M: Module>(r: *mut request_rec, z: *mut session_rec) -> c_int {
    // SAFETY: what mod_session passes its hooks.
    let request = unsafe { Request::from_raw(r) };
    let entry = Entry::of_request("session_save", request);
    guard(entry, bindings::APR_EGENERAL, || {
        let Some(request) = request else {
            return bindings::APR_EGENERAL;
        };
        // SAFETY: likewise.
        let Some(session) = (unsafe { Session::from_raw(z, request) }) else {
            return bindings::APR_EGENERAL;
        };
        if M::is_to_be_saved(request, &session) {
            bindings::DECLINED
        } else {
            bindings::OK
        }
    })
}

type Hook<M> = for<'r> fn(
    Request<'r>,
    &'r <M as Module>::State,
    &<M as Module>::Record<'r>,
    &mut Session<'r, <M as Module>::Realm>,
) -> Result<(), Failed>;

/// # Safety
///
/// A request and a session as mod_session passes them to its hooks.
unsafe fn run<M: Module>(
    name: &'static str,
    r: *mut request_rec,
    z: *mut session_rec,
    hook: Hook<M>,
) -> apr_status_t {
    // SAFETY: the caller vouches for the request.
    let request = unsafe { Request::from_raw(r) };
    let entry = Entry::of_request(name, request);
    guard(entry, bindings::APR_EGENERAL, || {
        let Some(request) = request else {
            return bindings::APR_EGENERAL;
        };
        // SAFETY: the caller vouches for the session.
        let Some(mut session) = (unsafe { Session::from_raw(z, request) }) else {
            return bindings::APR_EGENERAL;
        };
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::record().state() }) else {
            return bindings::APR_EGENERAL;
        };
        match hook(request, state, &request.record::<M>(), &mut session) {
            Ok(()) => bindings::OK,
            Err(Failed) => bindings::APR_EGENERAL,
        }
    })
}
