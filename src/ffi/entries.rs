//! The functions that httpd calls, each under a guard.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use session_crypto_core::SharedMemory;

use super::bindings::{self, apr_pool_t, server_rec};
use super::guard::{Entry, guard};
use super::log::{self, Level, MainServer};
use super::module::{Module, install, is_first_reading, record};
use super::pool::Pool;
use super::{
    generations, kept_keys, request_entries, retained, sections, session_entries, session_hooks,
    shared_memory,
};

pub(super) unsafe extern "C" fn create<M: Module>(
    pool: *mut apr_pool_t,
    _: *mut c_char,
) -> *mut c_void {
    // NULL is how `record` knows that something went wrong, and refuses.
    let entry = Entry::of_server("the making of a section");
    guard(entry, ptr::null_mut(), || {
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
    let entry = Entry::of_server("the merge of two sections");
    guard(entry, merged.cast(), || {
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
    // SAFETY: likewise.
    unsafe {
        bindings::ap_hook_monitor(
            Some(monitor),
            ptr::null(),
            ptr::null(),
            bindings::APR_HOOK_MIDDLE,
        );
    }
    request_entries::register::<M>();
}

unsafe extern "C" fn pre_config<M: Module>(
    pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
) -> c_int {
    status("the pre_config hook", || {
        generations::end();
        // SAFETY: httpd passes the pool of the configuration.
        let pool = unsafe { Pool::from_raw(pool) }.ok_or("httpd passed no pool")?;
        session_hooks::register(session_entries::hooks::<M>())
            .map_err(|session_hooks::NoModSession| NO_MOD_SESSION)?;
        let masters = kept_keys::table(SharedMemory::MASTERS)?;
        // SAFETY: the state, which keeps the words, is placed in this pool below.
        let salts = unsafe { shared_memory::share(pool, SharedMemory::SALTS) }?;
        let shared = SharedMemory { masters, salts };
        install::<M>(pool, M::start(retained::random_bytes(), shared)?);
        Ok(())
    })
}

unsafe extern "C" fn check_config<M: Module>(
    _pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
    server: *mut server_rec,
) -> c_int {
    status("the check_config hook", || {
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
    status("the post_config hook", || {
        if is_first_reading() {
            return Ok(());
        }
        generations::begin();
        // SAFETY: the configuration was just read.
        let state = unsafe { M::record().state() }.ok_or("pre_config did not run")?;
        let mut seen = M::Seen::default();
        let look = |server: &_| M::before_fork(state, server, &mut seen);
        // SAFETY: likewise.
        unsafe { sections::for_each_server::<M>(server, look) }?;
        // SAFETY: httpd passes the main server.
        let server = unsafe { MainServer::from_raw(server) }.ok_or("httpd passed no server")?;
        M::before_fork_once(state, server)
    })
}

unsafe extern "C" fn child_init<M: Module>(_pool: *mut apr_pool_t, _server: *mut server_rec) {
    status("the child_init hook", || {
        // SAFETY: a child keeps the configuration that it was forked with.
        let state = unsafe { M::record().state() }.ok_or("pre_config did not run")?;
        M::after_fork(state)
    });
}

/// Runs in the parent every ten seconds, under each MPM (mpm_common.h).
unsafe extern "C" fn monitor(_pool: *mut apr_pool_t, server: *mut server_rec) -> c_int {
    let entry = Entry::of_server("the monitor hook");
    guard(entry, bindings::DECLINED, || {
        // SAFETY: httpd passes its main server.
        let server = unsafe { MainServer::from_raw(server) };
        if let (Some(server), Some(since)) = (server, generations::have_ended()) {
            let message =
                format!("no process of a former configuration is left, all have that of {since}");
            log::main(server, Level::Notice, &message);
        }
        bindings::DECLINED
    })
}

/// Runs a hook of startup; an error is logged, and stops httpd where it can
/// still be stopped. A child goes on, and each request finds out for itself.
fn status(name: &'static str, hook: impl FnOnce() -> Result<(), String>) -> c_int {
    let entry = Entry::of_server(name);
    guard(entry, bindings::HTTP_INTERNAL_SERVER_ERROR, || {
        match hook() {
            Ok(()) => bindings::OK,
            Err(message) => {
                log::server(Level::Emergency, &message);
                bindings::HTTP_INTERNAL_SERVER_ERROR
            }
        }
    })
}

const NO_MOD_SESSION: &str = "session_crypto_module needs mod_session, which is not loaded: \
     write 'LoadModule session_module modules/mod_session.so', before or after it";
