//! mod_session's hooks, found at run time.
//!
//! `ap_hook_session_encode` and `ap_hook_session_decode` are symbols of
//! mod_session.so. A module that links them loads only after mod_session, and
//! otherwise fails with "undefined symbol"; looked up in `pre_config`, which
//! runs after every `LoadModule`, they are found in any order.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use super::bindings::{self, ap_HOOK_session_decode_t, ap_HOOK_session_encode_t};

/// What mod_session calls itself, in any build.
const MOD_SESSION: &CStr = c"mod_session.c";

/// `SESSION_DECLARE(void) ap_hook_session_encode(...)`, mod_session.h.
type AddHook<H> = unsafe extern "C" fn(H, *const *const c_char, *const *const c_char, order: c_int);

/// mod_session is not loaded.
#[derive(Clone, Copy, Debug)]
pub(super) struct NoModSession;

/// Puts `encode` last and `decode` first, as httpd's module does: nothing may
/// come between the token and its store.
pub(super) fn register(
    encode: ap_HOOK_session_encode_t,
    decode: ap_HOOK_session_decode_t,
) -> Result<(), NoModSession> {
    let add_encode = symbol(c"ap_hook_session_encode")?;
    let add_decode = symbol(c"ap_hook_session_decode")?;
    // SAFETY: mod_session.h declares this symbol with this signature.
    let add_encode: AddHook<ap_HOOK_session_encode_t> = unsafe { std::mem::transmute(add_encode) };
    // SAFETY: and this one.
    let add_decode: AddHook<ap_HOOK_session_decode_t> = unsafe { std::mem::transmute(add_decode) };
    // SAFETY: lists of names may be NULL (apr_hooks.h); the hook is a function
    // of this library, which httpd unloads only after it has dropped its hooks.
    unsafe { add_encode(encode, ptr::null(), ptr::null(), bindings::APR_HOOK_LAST) };
    // SAFETY: likewise.
    unsafe { add_decode(decode, ptr::null(), ptr::null(), bindings::APR_HOOK_FIRST) };
    Ok(())
}

fn symbol(name: &CStr) -> Result<ptr::NonNull<c_void>, NoModSession> {
    // SAFETY: a C string; the call walks the list of modules.
    let session = unsafe { bindings::ap_find_linked_module(MOD_SESSION.as_ptr()) };
    if session.is_null() {
        return Err(NoModSession);
    }
    // SAFETY: a module of that list, which lives until httpd unloads it.
    let library = unsafe { (*session).dynamic_load_handle };
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
