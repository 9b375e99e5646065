//! mod_session's hooks and settings, found at run time.
//!
//! `ap_hook_session_encode` and its like are symbols of mod_session.so. A module
//! that links them loads only after mod_session, and otherwise fails with
//! "undefined symbol". `pre_config` runs after every `LoadModule`: there,
//! a look-up finds them in any order of loading.

use std::ffi::{CStr, c_int, c_void};
use std::mem;
use std::ptr::{self, NonNull};
use std::sync::atomic::{AtomicPtr, Ordering};

use super::bindings::{
    self, ap_HOOK_session_decode_t, ap_HOOK_session_encode_t, ap_HOOK_session_save_t,
    apr_OFN_ap_session_load_t, apr_opt_fn_t, module, session_dir_conf, session_rec,
};
use super::hook::Hook;
use super::request::Request;

/// The name that mod_session has in any build.
const MOD_SESSION: &CStr = c"mod_session.c";

/// mod_session's own record, for as long as a configuration is in force.
static SESSION_MODULE: AtomicPtr<module> = AtomicPtr::new(ptr::null_mut());

/// The error that mod_session is not loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoModSession;

/// The functions that mod_session calls.
pub(super) struct SessionFunctions {
    /// Runs before mod_session makes a text of the session.
    pub(super) encoding: ap_HOOK_session_encode_t,
    /// Runs last: no other hook may change the token before it is stored.
    pub(super) encode: ap_HOOK_session_encode_t,
    /// Runs first, because it gets the token as it was stored.
    pub(super) decode: ap_HOOK_session_decode_t,
    /// Runs when mod_session has read the session.
    pub(super) decoded: ap_HOOK_session_decode_t,
    /// Runs before every store.
    pub(super) save: ap_HOOK_session_save_t,
}

/// The order after every other decode hook (apr_hooks.h: orders are plain
/// numbers).
const AFTER_ALL: c_int = bindings::APR_HOOK_REALLY_LAST.saturating_add(10);

/// The order before every other encode hook.
const BEFORE_ALL: c_int = bindings::APR_HOOK_REALLY_FIRST.saturating_sub(10);

/// Adds the functions to mod_session's hooks.
pub(super) fn register(functions: SessionFunctions) -> Result<(), NoModSession> {
    let session = module().ok_or(NoModSession)?;
    SESSION_MODULE.store(session.as_ptr(), Ordering::Release);
    let encode = symbol(session, c"ap_hook_session_encode")?;
    let decode = symbol(session, c"ap_hook_session_decode")?;
    let save = symbol(session, c"ap_hook_session_save")?;
    // SAFETY: mod_session.h declares session_encode with functions of this type;
    // mod_session stays loaded while the configuration is in force.
    let encode: Hook<ap_HOOK_session_encode_t> = unsafe { Hook::from_symbol(encode) };
    // SAFETY: mod_session.h declares session_decode with functions of this type;
    // mod_session stays loaded while the configuration is in force.
    let decode: Hook<ap_HOOK_session_decode_t> = unsafe { Hook::from_symbol(decode) };
    // SAFETY: mod_session.h declares session_save with functions of this type;
    // mod_session stays loaded while the configuration is in force.
    let save: Hook<ap_HOOK_session_save_t> = unsafe { Hook::from_symbol(save) };
    encode.add(functions.encoding, BEFORE_ALL);
    encode.add(functions.encode, bindings::APR_HOOK_LAST);
    decode.add(functions.decode, bindings::APR_HOOK_FIRST);
    decode.add(functions.decoded, AFTER_ALL);
    save.add(functions.save, bindings::APR_HOOK_REALLY_FIRST);
    Ok(())
}

/// The header that an application writes its session to (`SessionHeader`), in
/// the sections of a request; `None` if there is none.
pub(crate) fn header(request: Request<'_>) -> Option<&CStr> {
    let session = NonNull::new(SESSION_MODULE.load(Ordering::Acquire))?;
    let settings = request.config_of(session.as_ptr());
    // SAFETY: NULL, or the settings that mod_session made for the sections of the
    // request, which are of this type (mod_session.h).
    let settings = unsafe { settings.cast::<session_dir_conf>().as_ref() }?;
    if settings.header_set == 0 || settings.header.is_null() {
        return None;
    }
    // SAFETY: mod_session keeps a C string of the configuration there, which
    // outlives the request.
    Some(unsafe { CStr::from_ptr(settings.header) })
}

/// Has mod_session read the session of a request, or returns the one that it has read.
/// `None` if the section has no sessions, or reading fails.
pub(super) fn load(request: Request<'_>) -> Option<NonNull<session_rec>> {
    // SAFETY: the name is a C string; the call looks into APR's table of functions, which
    // does not change while requests are answered (apr_optional.h).
    let load = unsafe { bindings::apr_dynamic_fn_retrieve(c"ap_session_load".as_ptr()) };
    // SAFETY: NULL, or the function that mod_session registers under this name, whose type
    // mod_session.h declares; pointers to functions are alike.
    let load = unsafe { mem::transmute::<apr_opt_fn_t, apr_OFN_ap_session_load_t>(load) };
    let mut session = ptr::null_mut();
    // SAFETY: the request lives, and mod_session writes a session or NULL.
    let status = unsafe { load?(request.as_ptr(), &raw mut session) };
    (status == bindings::OK).then_some(NonNull::new(session)?)
}

/// mod_session, if it is loaded.
pub(super) fn module() -> Option<NonNull<module>> {
    // SAFETY: the name is a C string; the call walks httpd's list of modules
    // (http_config.h).
    NonNull::new(unsafe { bindings::ap_find_linked_module(MOD_SESSION.as_ptr()) })
}

/// The address of one of mod_session's symbols.
fn symbol(session: NonNull<module>, name: &CStr) -> Result<NonNull<c_void>, NoModSession> {
    // SAFETY: a module of httpd's list, which lives until httpd unloads it.
    let library = unsafe { session.as_ref() }.dynamic_load_handle;
    let mut address = ptr::null_mut();
    if library.is_null() {
        // mod_session is part of the httpd program itself.
        // SAFETY: the name is a C string (dlsym(3)).
        address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    } else {
        // SAFETY: mod_so keeps its apr_dso_handle_t there (mod_so.c,
        // load_module), and apr_dso_sym writes an address or fails.
        let status =
            unsafe { bindings::apr_dso_sym(&raw mut address, library.cast(), name.as_ptr()) };
        if status != bindings::OK {
            return Err(NoModSession);
        }
    }
    NonNull::new(address).ok_or(NoModSession)
}
