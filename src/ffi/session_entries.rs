//! The functions that mod_session calls, each under a guard.

use std::ffi::c_int;

use super::bindings::{self, apr_status_t, request_rec, session_rec};
use super::module::{Failed, Module};
use super::request::{self, Request};
use super::session::Session;
use super::session_hooks::SessionFunctions;

/// The functions of a module.
pub(super) fn functions<M: Module>() -> SessionFunctions {
    SessionFunctions {
        encode: Some(encode::<M>),
        decode: Some(decode::<M>),
        decoded: Some(decoded::<M>),
        save: Some(save::<M>),
    }
}

unsafe extern "C" fn encode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_encode).
    unsafe { run::<M>("session_encode", r, z, M::encode) }
}

unsafe extern "C" fn decode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_decode).
    let status = unsafe { run::<M>("session_decode", r, z, M::decode) };
    if status == bindings::OK {
        return status;
    }
    // mod_session would make a session of its own, and save it over the cookie.
    // SAFETY: the same two pointers, to which no view is left.
    unsafe { run::<M>("session_decode", r, z, give_up::<M>) }
}

/// Leaves an empty session where `decode` has failed or panicked.
fn give_up<'r, M: Module>(
    _: Request<'r>,
    _: &'r M::State,
    config: &M::DirConfig<'r>,
    session: &mut Session<'r, M::Realm>,
) -> Result<(), Failed> {
    session.give_up(M::realm(config));
    Ok(())
}

unsafe extern "C" fn decoded<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_decode).
    unsafe { run::<M>("session_decode", r, z, M::decoded) }
}

/// Answers `OK` to keep a session from every store, which ends the hook
/// (`AP_IMPLEMENT_HOOK_RUN_FIRST`), and `DECLINED` to leave it to them.
unsafe extern "C" fn save<M: Module>(r: *mut request_rec, z: *mut session_rec) -> c_int {
    // SAFETY: mod_session passes the request (mod_session.h, session_save).
    let request = unsafe { Request::from_raw(r) };
    request::guard(request, "session_save", bindings::APR_EGENERAL, || {
        let Some(request) = request else {
            return bindings::APR_EGENERAL;
        };
        let section = request.section::<M>();
        let slot = |pool| request.session_notes::<M>(pool);
        // SAFETY: mod_session passes the request's session, and does not use it
        // while the hook runs.
        let Some(session) = (unsafe { Session::from_raw(z, request, section, slot) }) else {
            return bindings::APR_EGENERAL;
        };
        if M::is_to_be_saved(request, &session) {
            bindings::DECLINED
        } else {
            bindings::OK
        }
    })
}

type SessionHook<M> = for<'r> fn(
    Request<'r>,
    &'r <M as Module>::State,
    &<M as Module>::DirConfig<'r>,
    &mut Session<'r, <M as Module>::Realm>,
) -> Result<(), Failed>;

/// Runs a hook; no session is the answer to an error and to a panic.
///
/// # Safety
///
/// `r` and `z` are a request and a session as mod_session passes them to its
/// hooks, and nobody else uses the session until this returns.
unsafe fn run<M: Module>(
    name: &str,
    r: *mut request_rec,
    z: *mut session_rec,
    hook: SessionHook<M>,
) -> apr_status_t {
    // SAFETY: the caller promises a request, which lives until the hook returns.
    let request = unsafe { Request::from_raw(r) };
    request::guard(request, name, bindings::APR_EGENERAL, || {
        let Some(request) = request else {
            return bindings::APR_EGENERAL;
        };
        let section = request.section::<M>();
        let slot = |pool| request.session_notes::<M>(pool);
        // SAFETY: the caller promises a session that only this view uses.
        let Some(mut session) = (unsafe { Session::from_raw(z, request, section, slot) }) else {
            return bindings::APR_EGENERAL;
        };
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::module_record().state() }) else {
            return bindings::APR_EGENERAL;
        };
        let config = request.config_in::<M>(session.pool());
        match hook(request, state, config, &mut session) {
            Ok(()) => bindings::OK,
            Err(Failed) => bindings::APR_EGENERAL,
        }
    })
}
