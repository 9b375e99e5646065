//! The module record, and the trampolines that httpd calls.

use std::cell::UnsafeCell;
use std::ffi::{CStr, c_char, c_int, c_ulong, c_void};
use std::ptr;

use super::bindings::{self, apr_pool_t, apr_status_t, module, request_rec, session_rec};
use super::directive::Directives;
use super::guard::guard;
use super::log::{self, Level};
use super::pool::Pool;
use super::request::{Request, Session};
use super::session_hooks;

/// A module in safe Rust; httpd's own terms for each part.
pub(crate) trait Module: Sized + 'static {
    /// What the sections of the configuration set. Plain data: what has a
    /// destructor is placed in the pool, and referred to.
    type Record<'p>: Copy;

    /// The record that httpd knows this module by.
    fn record() -> &'static Record;

    /// Makes the record of a section that sets nothing yet.
    fn create<'p>() -> Self::Record<'p>;

    /// Makes the record of a section, `add`, inside another, `base`.
    fn merge<'p>(base: &Self::Record<'p>, add: &Self::Record<'p>) -> Self::Record<'p>;

    /// Makes a record under which no session is sealed or opened: what stands
    /// in for a record that could not be made.
    fn refusing<'p>() -> Self::Record<'p>;

    /// Turns a session into a token.
    fn encode<'r>(
        request: Request<'r>,
        record: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed>;

    /// Turns a token into a session.
    fn decode<'r>(
        request: Request<'r>,
        record: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed>;
}

/// A hook failed, and has said why in the log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Failed;

/// httpd's record of this module, `module` of http_config.h.
#[repr(transparent)]
pub struct Record(UnsafeCell<module>);

// SAFETY: httpd writes to the record while it loads the module, before any
// thread of ours runs; we never write to it.
unsafe impl Sync for Record {}

impl Record {
    /// Describes a module to httpd (`STANDARD20_MODULE_STUFF`).
    ///
    /// `name` is the name for `<IfModule>`.
    pub(crate) const fn new<M: Module, const N: usize>(
        name: &'static CStr,
        directives: &'static Directives<N>,
    ) -> Self {
        Self(UnsafeCell::new(module {
            version: bindings::MODULE_MAGIC_NUMBER_MAJOR,
            minor_version: bindings::MODULE_MAGIC_NUMBER_MINOR,
            module_index: -1,
            name: name.as_ptr(),
            dynamic_load_handle: ptr::null_mut(),
            next: ptr::null_mut(),
            magic: MAGIC_COOKIE,
            rewrite_args: None,
            create_dir_config: Some(create::<M>),
            merge_dir_config: Some(merge::<M>),
            create_server_config: None,
            merge_server_config: None,
            cmds: directives.as_ptr(),
            register_hooks: Some(register_hooks::<M>),
            flags: 0,
        }))
    }
}

/// `MODULE_MAGIC_COOKIE`, "AP24", as the field's type has it.
const MAGIC_COOKIE: c_ulong = 0x4150_3234;

const _: () = assert!(
    bindings::MODULE_MAGIC_COOKIE == 0x4150_3234,
    "this is not httpd 2.4"
);

unsafe extern "C" fn create<M: Module>(pool: *mut apr_pool_t, _: *mut c_char) -> *mut c_void {
    // NULL is how `record` knows that something went wrong, and refuses.
    guard(ptr::null_mut(), || {
        // SAFETY: httpd passes the pool that the configuration lives in.
        let Some(pool) = (unsafe { Pool::from_raw(pool) }) else {
            return ptr::null_mut();
        };
        ptr::from_mut(pool.place_plain(M::create())).cast()
    })
}

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
    // Not NULL: httpd takes that for a section that says nothing, and merges
    // what comes next with nothing.
    let refusing = ptr::from_mut(pool.place_plain(M::refusing())).cast();
    guard(refusing, || {
        // SAFETY: records of `create` and `merge`, alive as long as `pool`.
        let base = unsafe { record::<M>(base) };
        // SAFETY: likewise.
        let add = unsafe { record::<M>(add) };
        ptr::from_mut(pool.place_plain(M::merge(&base, &add))).cast()
    })
}

/// The record behind a pointer of httpd's; of NULL, one that refuses.
///
/// # Safety
///
/// `raw` is NULL or came from `create` or `merge`, and lives for `'p`.
unsafe fn record<'p, M: Module>(raw: *const c_void) -> M::Record<'p> {
    // SAFETY: the caller vouches for it.
    match unsafe { raw.cast::<M::Record<'p>>().as_ref() } {
        Some(record) => *record,
        None => M::refusing(),
    }
}

unsafe extern "C" fn register_hooks<M: Module>(_: *mut apr_pool_t) {
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
}

unsafe extern "C" fn pre_config<M: Module>(
    pool: *mut apr_pool_t,
    _log: *mut apr_pool_t,
    _temporary: *mut apr_pool_t,
) -> c_int {
    guard(bindings::HTTP_INTERNAL_SERVER_ERROR, || {
        // SAFETY: httpd passes the pool of the configuration.
        let Some(pool) = (unsafe { Pool::from_raw(pool) }) else {
            return bindings::HTTP_INTERNAL_SERVER_ERROR;
        };
        match session_hooks::register(pool, Some(encode::<M>), Some(decode::<M>)) {
            Ok(()) => bindings::OK,
            Err(session_hooks::NoModSession) => {
                log::server(Level::Emergency, NO_MOD_SESSION);
                bindings::HTTP_INTERNAL_SERVER_ERROR
            }
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

/// # Safety
///
/// A request and a session as mod_session passes them to its hooks.
unsafe fn run_hook<M: Module>(
    r: *mut request_rec,
    z: *mut session_rec,
    hook: for<'r> fn(Request<'r>, &M::Record<'r>, &mut Session<'r>) -> Result<(), Failed>,
) -> apr_status_t {
    guard(bindings::APR_EGENERAL, || {
        // SAFETY: the caller vouches for the request.
        let Some(request) = (unsafe { Request::from_raw(r) }) else {
            return bindings::APR_EGENERAL;
        };
        // SAFETY: and for the session.
        let Some(mut session) = (unsafe { Session::from_raw(z, request) }) else {
            return bindings::APR_EGENERAL;
        };
        let raw = request.configuration(M::record().0.get());
        // SAFETY: our slot holds what `create` and `merge` made, in pools
        // that outlive the request.
        let record = unsafe { record::<M>(raw) };
        match hook(request, &record, &mut session) {
            Ok(()) => bindings::OK,
            Err(Failed) => bindings::APR_EGENERAL,
        }
    })
}
