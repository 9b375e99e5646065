//! The functions that mod_session calls, each under a guard.

use std::ffi::{c_int, c_void};

use super::bindings::{self, apr_status_t, request_rec, session_rec};
use super::dir_config;
use super::module::{Failed, Module};
use super::request::{self, Request};
use super::session::{RealmOf, Session};
use super::session_hooks::SessionFunctions;
use super::{session_quick, session_record};

/// The functions of a module.
pub(super) fn functions<M: Module>() -> SessionFunctions {
    SessionFunctions {
        encoding: Some(encoding::<M>),
        encode: Some(encode::<M>),
        decode: Some(decode::<M>),
        decoded: Some(decoded::<M>),
        save: Some(save::<M>),
    }
}

unsafe extern "C" fn encoding<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_encode).
    let quick = unsafe { session_quick::look::<M>(r, z) };
    if quick.is_some_and(|quick| quick.is_idle()) {
        return bindings::OK;
    }
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_encode).
    let Some((request, mut session)) = (unsafe { view::<M>(r, z) }) else {
        return bindings::APR_EGENERAL;
    };
    run::<M>("session_encode", request, &mut session, M::encoding)
}

unsafe extern "C" fn encode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_encode).
    let Some((request, mut session)) = (unsafe { view::<M>(r, z) }) else {
        return bindings::APR_EGENERAL;
    };
    run::<M>("session_encode", request, &mut session, M::encode)
}

unsafe extern "C" fn decode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_decode).
    let Some((request, mut session)) = (unsafe { view::<M>(r, z) }) else {
        return bindings::APR_EGENERAL;
    };
    if session.is_read() {
        return bindings::OK;
    }
    let status = run::<M>("session_decode", request, &mut session, M::decode);
    if status == bindings::OK {
        return status;
    }
    // SAFETY: the same two pointers, whose view above is not used again.
    unsafe { give_up::<M>(r, z) }
}

/// Leaves an empty session where `decode` has failed or panicked. mod_session would make
/// one of its own, and save it over the cookie.
///
/// # Safety
///
/// As for [`view`].
#[cold]
#[cfg_attr(feature = "planted-panics", track_caller)]
unsafe fn give_up<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: the caller promises what `view` demands.
    let Some((request, mut session)) = (unsafe { view::<M>(r, z) }) else {
        return bindings::APR_EGENERAL;
    };
    run::<M>(
        "session_decode",
        request,
        &mut session,
        |_, _, _, session| {
            session.give_up();
            Ok(())
        },
    )
}

unsafe extern "C" fn decoded<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: mod_session passes the session (mod_session.h, session_decode).
    let has_expired = unsafe { session_record::has_expired(z) };
    // SAFETY: as above. A login may have come before this question.
    let is_changed = unsafe { session_record::is_dirty(z) };
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_decode).
    let quick = unsafe { session_quick::look::<M>(r, z) };
    let is_of_interest = quick
        .as_ref()
        .is_none_or(|quick| quick.is_news() && !quick.is_idle());
    if let (false, false, Some(quick)) = (is_of_interest, is_changed, &quick) {
        quick.pass_over();
        if !has_expired {
            return bindings::OK;
        }
    }
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_decode).
    let Some((request, mut session)) = (unsafe { view::<M>(r, z) }) else {
        return bindings::APR_EGENERAL;
    };
    let mut status = bindings::OK;
    if has_expired {
        status = run::<M>("session_decode", request, &mut session, M::expired);
    }
    let is_news = session.note_told(request) || is_changed;
    if status == bindings::OK && is_news {
        status = run::<M>("session_decode", request, &mut session, M::decoded);
    }
    status
}

/// Answers `OK` to keep a session from every store, which ends the hook
/// (`AP_IMPLEMENT_HOOK_RUN_FIRST`), and `DECLINED` to leave it to them.
unsafe extern "C" fn save<M: Module>(r: *mut request_rec, z: *mut session_rec) -> c_int {
    // SAFETY: mod_session passes the request (mod_session.h, session_save).
    let is_first = unsafe { Request::from_raw(r) }.is_some_and(|request| !request.has_origin());
    // Only requests that others led to have sessions of several realms, or are dropped.
    // SAFETY: mod_session passes the session (mod_session.h, session_save).
    if is_first && unsafe { session_record::has_encoded(z) } {
        return bindings::DECLINED;
    }
    // SAFETY: mod_session passes the request and its session (mod_session.h,
    // session_save).
    let Some((request, session)) = (unsafe { view::<M>(r, z) }) else {
        return bindings::APR_EGENERAL;
    };
    request::guard(request, "session_save", bindings::APR_EGENERAL, || {
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
    &mut Session<'r, <M as Module>::Realm, <M as Module>::SessionNote>,
) -> Result<(), Failed>;

/// A request and its session.
type View<'r, M> = (
    Request<'r>,
    Session<'r, <M as Module>::Realm, <M as Module>::SessionNote>,
);

/// Makes views of a request and its session; `None` if one of them is NULL.
///
/// # Safety
///
/// `r` and `z` are a request and a session as mod_session passes them to its hooks, both
/// live for `'r`, and nobody else uses the session while the view does.
unsafe fn view<'r, M: Module>(r: *mut request_rec, z: *mut session_rec) -> Option<View<'r, M>> {
    // SAFETY: the caller promises a request, which lives until the hook returns.
    let request = unsafe { Request::from_raw(r) }?;
    // SAFETY: the caller promises a session that only this view uses.
    let session = unsafe { view_session::<M>(request, z) }?;
    Some((request, session))
}

/// Makes a view of the session of a request; `None` for NULL.
///
/// # Safety
///
/// `z` is a session of mod_session's for the request, lives for `'r`, and nobody else uses
/// it while the view does.
pub(super) unsafe fn view_session<'r, M: Module>(
    request: Request<'r>,
    z: *mut session_rec,
) -> Option<Session<'r, M::Realm, M::SessionNote>> {
    let realm_of: RealmOf<M::Realm> = realm_of::<M>;
    let section = (request.section::<M>(), realm_of);
    let slot = |pool| request.session_notes::<M>(pool);
    // SAFETY: the caller promises a session that only this view uses. httpd merges the
    // settings of a section in the request's pool, if not in one that lives longer.
    unsafe { Session::from_raw(z, request, section, slot) }
}

/// The realm of a section.
///
/// # Safety
///
/// `section` is NULL, or the address of the module's settings, which live.
unsafe fn realm_of<M: Module>(section: *const c_void) -> M::Realm {
    // SAFETY: the caller promises NULL, or settings of this type.
    M::realm(&unsafe { dir_config::read(section) })
}

/// Runs a hook; no session is the answer to an error and to a panic.
#[cfg_attr(feature = "planted-panics", track_caller)]
fn run<'r, M: Module>(
    name: &str,
    request: Request<'r>,
    session: &mut Session<'r, M::Realm, M::SessionNote>,
    hook: SessionHook<M>,
) -> apr_status_t {
    request::guard(request, name, bindings::APR_EGENERAL, || {
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::module_record().state() }) else {
            return bindings::APR_EGENERAL;
        };
        let config = request.config_in::<M>(session.pool());
        match hook(request, state, config, session) {
            Ok(()) => bindings::OK,
            Err(Failed) => bindings::APR_EGENERAL,
        }
    })
}
