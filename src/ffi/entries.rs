//! The functions that httpd calls, each under a guard.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use super::bindings::{self, apr_pool_t, apr_status_t, request_rec, server_rec, session_rec};
use super::guard::guard;
use super::log::{self, Level};
use super::module::{Failed, Module, install, is_first_reading, record};
use super::pool::Pool;
use super::request::{Request, Session};
use super::{retained, sections, session_hooks};

pub(super) unsafe extern "C" fn create<M: Module>(
    pool: *mut apr_pool_t,
    _: *mut c_char,
) -> *mut c_void {
    // NULL is how `record` knows that something went wrong, and refuses.
    guard(ptr::null_mut(), || {
        // SAFETY: httpd passes the pool that the configuration lives in.
        let Some(pool) = (unsafe { Pool::from_raw(pool) }) else {
            return ptr::null_mut();
        };
        ptr::from_mut(pool.place_plain(M::create())).cast()
    })
}

pub(super) unsafe extern "C" fn merge<M: Module>(
    pool: *mut apr_pool_t,
    base: *mut c_void,
    add: *mut c_void,
) -> *mut c_void {
    // SAFETY: httpd passes the pool of the merged configuration, which goes
    // before those of its parts (server/config.c, ap_merge_per_dir_configs).
    let Some(pool) = (unsafe { Pool::from_raw(pool) }) else {
        return ptr::null_mut();
    };
    // Not NULL on failure: httpd takes that for a section that says nothing,
    // and merges what comes next with nothing.
    let merged = ptr::from_mut(pool.place_plain(M::refusing()));
    guard(merged.cast(), || {
        // SAFETY: records of `create` and `merge`, alive as long as `pool`.
        let base = unsafe { record::<M>(base) };
        // SAFETY: likewise.
        let add = unsafe { record::<M>(add) };
        // SAFETY: placed above, in the pool, ours alone.
        unsafe { merged.write(M::merge(&base, &add)) };
        merged.cast()
    })
}

pub(super) unsafe extern "C" fn register_hooks<M: Module>(_: *mut apr_pool_t) {
    // SAFETY: lists of names may be NULL (apr_hooks.h), and the hook is a
    // function of this library.
    unsafe {
        bindings::ap_hook_pre_config(
            Some(pre_config::<M>),
            ptr::null(),
            ptr::null(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_check_config(
            Some(check_config::<M>),
            ptr::null(),
            ptr::null(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_post_config(
            Some(post_config::<M>),
            ptr::null(),
            ptr::null(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_child_init(
            Some(child_init::<M>),
            ptr::null(),
            ptr::null(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
}

unsafe extern "C" fn pre_config<M: Module>(
    pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
) -> c_int {
    status(|| {
        // SAFETY: httpd passes the pool of the configuration.
        let pool = unsafe { Pool::from_raw(pool) }.ok_or("httpd passed no pool")?;
        session_hooks::register(Some(encode::<M>), Some(decode::<M>))
            .map_err(|session_hooks::NoModSession| NO_MOD_SESSION)?;
        install::<M>(pool, M::start(retained::random_bytes())?);
        Ok(())
    })
}

unsafe extern "C" fn check_config<M: Module>(
    _pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
    server: *mut server_rec,
) -> c_int {
    status(|| {
        // SAFETY: the configuration was just read.
        let state = unsafe { M::record().state() }.ok_or("pre_config did not run")?;
        let mut seen = M::Seen::default();
        let look = |server: &_| M::check(state, server, &mut seen);
        // SAFETY: likewise.
        unsafe { sections::for_each_server::<M>(server, look) }
    })
}

unsafe extern "C" fn post_config<M: Module>(
    _pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
    server: *mut server_rec,
) -> c_int {
    status(|| {
        if is_first_reading() {
            return Ok(());
        }
        // SAFETY: the configuration was just read.
        let state = unsafe { M::record().state() }.ok_or("pre_config did not run")?;
        let mut seen = M::Seen::default();
        let look = |server: &_| M::before_fork(state, server, &mut seen);
        // SAFETY: likewise.
        unsafe { sections::for_each_server::<M>(server, look) }
    })
}

unsafe extern "C" fn child_init<M: Module>(_pool: *mut apr_pool_t, _server: *mut server_rec) {
    status(|| {
        // SAFETY: a child keeps the configuration that it was forked with.
        let state = unsafe { M::record().state() }.ok_or("pre_config did not run")?;
        M::after_fork(state)
    });
}

/// Runs a hook of startup; an error is logged, and stops httpd where it can
/// still be stopped. A child goes on, and each request finds out for itself.
fn status(hook: impl FnOnce() -> Result<(), String>) -> c_int {
    guard(bindings::HTTP_INTERNAL_SERVER_ERROR, || match hook() {
        Ok(()) => bindings::OK,
        Err(message) => {
            log::server(Level::Emergency, &message);
            bindings::HTTP_INTERNAL_SERVER_ERROR
        }
    })
}

const NO_MOD_SESSION: &str = "session_crypto_module needs mod_session, which is not loaded: \
     write 'LoadModule session_module modules/mod_session.so', before or after it";

unsafe extern "C" fn encode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: what mod_session passes its hooks, and our symbol's index.
    unsafe { run_hook::<M>(r, z, M::encode) }
}

unsafe extern "C" fn decode<M: Module>(r: *mut request_rec, z: *mut session_rec) -> apr_status_t {
    // SAFETY: likewise.
    unsafe { run_hook::<M>(r, z, M::decode) }
}

type Hook<M> = for<'r> fn(
    Request<'r>,
    &'r <M as Module>::State,
    &<M as Module>::Record<'r>,
    &mut Session<'r>,
) -> Result<(), Failed>;

/// # Safety
///
/// A request and a session as mod_session passes them to its hooks.
unsafe fn run_hook<M: Module>(
    r: *mut request_rec,
    z: *mut session_rec,
    hook: Hook<M>,
) -> apr_status_t {
    guard(bindings::APR_EGENERAL, || {
        // SAFETY: the caller vouches for the request.
        let Some(request) = (unsafe { Request::from_raw(r) }) else {
            return bindings::APR_EGENERAL;
        };
        // SAFETY: and for the session.
        let Some(mut session) = (unsafe { Session::from_raw(z) }) else {
            return bindings::APR_EGENERAL;
        };
        let raw = request.configuration(M::record().as_ptr());
        // SAFETY: our slot holds what `create` and `merge` made, in pools
        // that outlive the request.
        let record = unsafe { record::<M>(raw) };
        // SAFETY: the configuration of a request is in force until its end.
        let Some(state) = (unsafe { M::record().state() }) else {
            return bindings::APR_EGENERAL;
        };
        match hook(request, state, &record, &mut session) {
            Ok(()) => bindings::OK,
            Err(Failed) => bindings::APR_EGENERAL,
        }
    })
}
