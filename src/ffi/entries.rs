//! The functions that httpd calls as it starts and while it runs, each under a
//! guard, and the record that names them.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use session_crypto_core::SharedMemory;

use super::bindings::{self, apr_pool_t, module, server_rec};
use super::dir_config::{self, DirSettings, Inherit};
use super::directive::Directives;
use super::guard::{self, NOT_DONE, guard};
use super::log::{self, Level, MainServer};
use super::module::Module;
use super::module_record::ModuleRecord;
use super::pool::Pool;
use super::run_mode::is_first_reading;
use super::shared_memory::retains_nothing;
use super::{
    generations, handler, hook, kept_counters, kept_keys, request_entries, requirement, retained,
    sections, session_entries, session_hooks, shared_memory, status_hook,
};
use crate::message::{Code, Message};

/// mod_session is not loaded.
const NO_MOD_SESSION: Code = Code("SC0511");

/// No process of a former configuration is left.
const GENERATION: Code = Code("SC0534");

/// Makes the record that describes a module to httpd (`STANDARD20_MODULE_STUFF`).
///
/// `<IfModule>` knows the module by `name`.
pub(crate) const fn module_record<M: Module, const N: usize>(
    name: &'static CStr,
    directives: &'static Directives<N>,
) -> ModuleRecord<M::State> {
    ModuleRecord::new(module {
        version: bindings::MODULE_MAGIC_NUMBER_MAJOR,
        minor_version: bindings::MODULE_MAGIC_NUMBER_MINOR,
        module_index: -1,
        name: name.as_ptr(),
        dynamic_load_handle: ptr::null_mut(),
        next: ptr::null_mut(),
        magic: bindings::SESSION_CRYPTO_MAGIC_COOKIE,
        rewrite_args: None,
        create_dir_config: Some(create::<M>),
        merge_dir_config: Some(merge::<M>),
        create_server_config: None,
        merge_server_config: None,
        cmds: directives.as_ptr(),
        register_hooks: Some(register_hooks::<M>),
        flags: 0,
    })
}

/// Makes a section's settings (`create_dir_config` of http_config.h).
unsafe extern "C" fn create<M: Module>(pool: *mut apr_pool_t, _: *mut c_char) -> *mut c_void {
    // NULL tells `dir_config::read` that something went wrong.
    guard("the making of a section", ptr::null_mut(), || {
        // SAFETY: httpd passes the pool that the configuration lives in.
        let Some(pool) = (unsafe { Pool::from_raw(pool) }) else {
            return ptr::null_mut();
        };
        ptr::from_mut(pool.store_plain(M::DirConfig::default())).cast()
    })
}

/// Merges the settings of two sections (`merge_dir_config` of http_config.h).
unsafe extern "C" fn merge<M: Module>(
    pool: *mut apr_pool_t,
    base: *mut c_void,
    add: *mut c_void,
) -> *mut c_void {
    // SAFETY: httpd passes the pool of the merged configuration, which goes
    // before those of its parts (server/config.c, ap_merge_per_dir_configs).
    let Some(pool) = (unsafe { Pool::from_raw(pool) }) else {
        return ptr::null_mut();
    };
    // The fallback is not NULL: httpd takes that for a section that says
    // nothing, and merges the next one with nothing.
    let merged = ptr::from_mut(pool.store_plain(M::DirConfig::refusing()));
    guard("the merge of two sections", merged.cast(), || {
        // SAFETY: httpd passes settings that `create` or `merge` made, in pools
        // that outlive `pool`.
        let base = unsafe { dir_config::read::<M::DirConfig<'_>>(base) };
        // SAFETY: as httpd's second argument is made in the same way.
        let add = unsafe { dir_config::read::<M::DirConfig<'_>>(add) };
        // SAFETY: stored above; only this function has the pointer yet.
        unsafe { merged.write(M::DirConfig::merge(&base, &add)) };
        merged.cast()
    })
}

/// Whether all functions are added to their hooks.
static HAS_HOOKS: AtomicBool = AtomicBool::new(false);

/// Adds all functions to their hooks. If that stops half-way, `pre_config` stops httpd.
unsafe extern "C" fn register_hooks<M: Module>(pool: *mut apr_pool_t) {
    const ORDER: c_int = bindings::APR_HOOK_MIDDLE;
    hook::PRE_CONFIG.add(Some(pre_config::<M>), ORDER);
    HAS_HOOKS.store(false, Ordering::Relaxed);
    guard::catch_quietly(guard::say_places);
    guard("the registration of hooks", (), || {
        hook::CHECK_CONFIG.add(Some(check_config::<M>), ORDER);
        hook::POST_CONFIG.add(Some(post_config::<M>), ORDER);
        hook::CHILD_INIT.add(Some(child_init::<M>), ORDER);
        hook::MONITOR.add(Some(monitor::<M>), ORDER);
        request_entries::register::<M>();
        handler::register::<M>();
        requirement::register::<M>(pool);
        status_hook::register::<M>();
        HAS_HOOKS.store(true, Ordering::Relaxed);
    });
}

unsafe extern "C" fn pre_config<M: Module>(
    pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
) -> c_int {
    status("the pre_config hook", || {
        if !HAS_HOOKS.load(Ordering::Relaxed) {
            return Err(NOT_DONE.says("register_hooks did not finish"));
        }
        generations::end();
        // SAFETY: httpd passes the pool of the configuration.
        let pool =
            unsafe { Pool::from_raw(pool) }.ok_or_else(|| NOT_DONE.says("httpd passed no pool"))?;
        session_hooks::register(session_entries::functions::<M>())
            .map_err(|session_hooks::NoModSession| no_mod_session())?;
        // Children of all configurations share these words.
        let kept = kept_keys::table(SharedMemory::MASTERS.saturating_add(1))?;
        let (cookie_warnings, masters) = kept.split_last().ok_or_else(retains_nothing)?;
        // SAFETY: the state, which keeps the words, is stored in this pool below.
        let salts = unsafe { shared_memory::share(pool, SharedMemory::SALTS) }?;
        let shared = SharedMemory {
            masters,
            salts,
            cookie_warnings,
            counters: kept_counters::counters()?,
        };
        install::<M>(pool, M::start(retained::random_bytes(), shared)?);
        Ok(())
    })
}

/// Puts a state in force until the pool of its configuration is cleared.
fn install<M: Module>(pool: Pool<'_>, state: M::State) {
    let installed = pool.store(Installed::<M>(state));
    // SAFETY: the state lives until the pool drops `Installed`, which clears it.
    unsafe { M::module_record().set_state(&installed.0) };
}

/// A state in force.
struct Installed<M: Module>(M::State);

impl<M: Module> Drop for Installed<M> {
    fn drop(&mut self) {
        M::module_record().clear_state();
    }
}

unsafe extern "C" fn check_config<M: Module>(
    _pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
    server: *mut server_rec,
) -> c_int {
    status("the check_config hook", || {
        // SAFETY: httpd has just read the configuration, and keeps it in force
        // while this hook runs.
        let state = unsafe { M::module_record().state() }.ok_or_else(no_state)?;
        let mut findings = M::Findings::default();
        let check = |server: &_| M::check(state, server, &mut findings);
        // SAFETY: httpd passes the first server of that configuration.
        unsafe { sections::for_each_server(M::module_record().as_ptr(), server, check) }
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
        // SAFETY: httpd has just read the configuration, and keeps it in force
        // while this hook runs.
        let state = unsafe { M::module_record().state() }.ok_or_else(no_state)?;
        let mut findings = M::Findings::default();
        let prepare = |server: &_| M::before_fork(state, server, &mut findings);
        // SAFETY: httpd passes the first server of that configuration.
        unsafe { sections::for_each_server(M::module_record().as_ptr(), server, prepare) }?;
        // SAFETY: the first server is the main server, and lives as long as the
        // configuration.
        let server = unsafe { MainServer::from_raw(server) };
        let server = server.ok_or_else(|| NOT_DONE.says("httpd passed no server"))?;
        M::before_fork_once(state, server, &findings)
    })
}

unsafe extern "C" fn child_init<M: Module>(_pool: *mut apr_pool_t, _server: *mut server_rec) {
    status("the child_init hook", || {
        // SAFETY: a child keeps the configuration that it was forked with.
        let state = unsafe { M::module_record().state() }.ok_or_else(no_state)?;
        M::after_fork(state)
    });
}

/// Runs in the parent every ten seconds, under each MPM (mpm_common.h).
unsafe extern "C" fn monitor<M: Module>(_pool: *mut apr_pool_t, server: *mut server_rec) -> c_int {
    guard("the monitor hook", bindings::DECLINED, || {
        // SAFETY: httpd passes its main server, which outlives this call.
        let Some(server) = (unsafe { MainServer::from_raw(server) }) else {
            return bindings::DECLINED;
        };
        if let Some(since) = generations::have_ended() {
            let message = GENERATION.says(format!(
                "no process of a former configuration is left, all have that of {since}"
            ));
            log::main(server, Level::Notice, &message);
        }
        // SAFETY: httpd reads no configuration while this hook runs, so that in force stays.
        if let Some(state) = unsafe { M::module_record().state() } {
            M::from_time_to_time(state, server);
        }
        bindings::DECLINED
    })
}

/// Runs a hook of startup. An error is logged, and stops httpd where that is
/// still possible; a child goes on, and each request finds out for itself.
#[cfg_attr(feature = "planted-panics", track_caller)]
fn status(name: &str, hook: impl FnOnce() -> Result<(), Message>) -> c_int {
    guard(name, bindings::HTTP_INTERNAL_SERVER_ERROR, || {
        match hook() {
            Ok(()) => bindings::OK,
            Err(message) => {
                log::server(Level::Emergency, &message);
                bindings::HTTP_INTERNAL_SERVER_ERROR
            }
        }
    })
}

fn no_state() -> Message {
    NOT_DONE.says("pre_config did not run")
}

fn no_mod_session() -> Message {
    NO_MOD_SESSION.says(
        "session_crypto_module needs mod_session, which is not loaded: write 'LoadModule \
         session_module modules/mod_session.so', before or after it",
    )
}
