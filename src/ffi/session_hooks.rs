//! mod_session's hooks and settings, found at run time.
//!
//! `ap_hook_session_encode` and its like are symbols of mod_session.so. A module that links them loads only after mod_session, and
//! otherwise fails with "undefined symbol"; looked up in `pre_config`, which
//! runs after every `LoadModule`, they are found in any order.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::bindings::{
    self, ap_HOOK_session_decode_t, ap_HOOK_session_encode_t, ap_HOOK_session_save_t, module,
    session_dir_conf,
};
use super::request::Request;

/// What mod_session calls itself, in any build.
const MOD_SESSION: &CStr = c"mod_session.c";

/// mod_session's record of itself, for as long as a configuration is in force.
static SESSION_MODULE: AtomicPtr<module> = AtomicPtr::new(ptr::null_mut());

/// `SESSION_DECLARE(void) ap_hook_session_encode(...)`, mod_session.h.
type AddHook<H> = unsafe extern "C" fn(H, *const *const c_char, *const *const c_char, order: c_int);

/// mod_session is not loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoModSession;

/// The functions that mod_session calls.
pub(super) struct SessionHooks {
    /// Runs last: nothing may come between the token and its store.
    pub(super) encode: ap_HOOK_session_encode_t,
    /// Runs first, for the same reason.
    pub(super) decode: ap_HOOK_session_decode_t,
    /// Runs when mod_session has read the session.
    pub(super) decoded: ap_HOOK_session_decode_t,
    /// Runs before every store.
    pub(super) save: ap_HOOK_session_save_t,
}

/// Behind every other decode hook (apr_hooks.h: orders are plain numbers).
const AFTER_ALL: c_int = bindings::APR_HOOK_REALLY_LAST.saturating_add(10);

/// Registers the hooks.
pub(super) fn register(hooks: SessionHooks) -> Result<(), NoModSession> {
    let session = module().ok_or(NoModSession)?;
    SESSION_MODULE.store(session.as_ptr(), Ordering::Release);
    let add_encode = symbol(session, c"ap_hook_session_encode")?;
    let add_decode = symbol(session, c"ap_hook_session_decode")?;
    let add_save = symbol(session, c"ap_hook_session_save")?;
    // SAFETY: mod_session.h declares this symbol with this signature.
    let add_encode: AddHook<ap_HOOK_session_encode_t> = unsafe { std::mem::transmute(add_encode) };
    // SAFETY: and this one.
    let add_decode: AddHook<ap_HOOK_session_decode_t> = unsafe { std::mem::transmute(add_decode) };
    // SAFETY: and this one.
    let add_save: AddHook<ap_HOOK_session_save_t> = unsafe { std::mem::transmute(add_save) };
    let (none, none_again) = (ptr::null(), ptr::null());
    // SAFETY: lists of names may be NULL (apr_hooks.h); the hook is a function
    // of this library, which httpd unloads only after it has dropped its hooks.
    unsafe { add_encode(hooks.encode, none, none_again, bindings::APR_HOOK_LAST) };
    // SAFETY: likewise.
    unsafe { add_decode(hooks.decode, none, none_again, bindings::APR_HOOK_FIRST) };
    // SAFETY: likewise.
    unsafe { add_decode(hooks.decoded, none, none_again, AFTER_ALL) };
    // SAFETY: likewise.
    unsafe {
        add_save(
            hooks.save,
            none,
            none_again,
            bindings::APR_HOOK_REALLY_FIRST,
        )
    };
    Ok(())
}

/// The header that an application writes its session to (`SessionHeader`), in
/// the sections of a request; `None` if there is none.
pub(crate) fn header(request: Request<'_>) -> Option<&CStr> {
    let session = ptr::NonNull::new(SESSION_MODULE.load(Ordering::Acquire))?;
    let settings = request.settings_of(session.as_ptr());
    // SAFETY: NULL, or what mod_session made for the sections of the request,
    // which is of this type (mod_session.h).
    let settings = unsafe { settings.cast::<session_dir_conf>().as_ref() }?;
    if settings.header_set == 0 || settings.header.is_null() {
        return None;
    }
    // SAFETY: a C string of the configuration.
    Some(unsafe { CStr::from_ptr(settings.header) })
}

/// mod_session, if it is loaded.
fn module() -> Option<ptr::NonNull<module>> {
    // SAFETY: a C string; the call walks the list of modules.
    ptr::NonNull::new(unsafe { bindings::ap_find_linked_module(MOD_SESSION.as_ptr()) })
}

fn symbol(
    session: ptr::NonNull<module>,
    name: &CStr,
) -> Result<ptr::NonNull<c_void>, NoModSession> {
    // SAFETY: a module of httpd's list, which lives until httpd unloads it.
    let library = unsafe { session.as_ref() }.dynamic_load_handle;
    let mut address = ptr::null_mut();
    if library.is_null() {
        // mod_session is part of the httpd program itself.
        // SAFETY: a C string.
        address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    } else {
        // SAFETY: mod_so keeps its apr_dso_handle_t there (mod_so.c,
        // load_module), and apr_dso_sym writes an address or fails.
        let found =
            unsafe { bindings::apr_dso_sym(&raw mut address, library.cast(), name.as_ptr()) };
        if found != bindings::OK {
            return Err(NoModSession);
        }
    }
    ptr::NonNull::new(address).ok_or(NoModSession)
}
