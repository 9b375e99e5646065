//! The hooks of httpd and mod_session that this module adds functions to.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::mem;
use std::ptr::{self, NonNull};

use super::bindings::{
    self, ap_HOOK_check_config_t, ap_HOOK_child_init_t, ap_HOOK_fixups_t, ap_HOOK_handler_t,
    ap_HOOK_header_parser_t, ap_HOOK_insert_error_filter_t, ap_HOOK_insert_filter_t,
    ap_HOOK_log_transaction_t, ap_HOOK_map_to_storage_t, ap_HOOK_monitor_t, ap_HOOK_post_config_t,
    ap_HOOK_post_perdir_config_t, ap_HOOK_pre_config_t,
};

/// A hook, to which functions of type `F` are added.
#[derive(Clone, Copy)]
pub(super) struct Hook<F>(AddTo<F>);

/// The type of `ap_hook_NAME`, which `AP_DECLARE_HOOK` declares (apr_hooks.h).
type AddTo<F> = unsafe extern "C" fn(F, *const *const c_char, *const *const c_char, c_int);

pub(super) const PRE_CONFIG: Hook<ap_HOOK_pre_config_t> = Hook(bindings::ap_hook_pre_config);
pub(super) const CHECK_CONFIG: Hook<ap_HOOK_check_config_t> = Hook(bindings::ap_hook_check_config);
pub(super) const POST_CONFIG: Hook<ap_HOOK_post_config_t> = Hook(bindings::ap_hook_post_config);
pub(super) const CHILD_INIT: Hook<ap_HOOK_child_init_t> = Hook(bindings::ap_hook_child_init);
pub(super) const MONITOR: Hook<ap_HOOK_monitor_t> = Hook(bindings::ap_hook_monitor);
pub(super) const MAP_TO_STORAGE: Hook<ap_HOOK_map_to_storage_t> =
    Hook(bindings::ap_hook_map_to_storage);
pub(super) const POST_PERDIR_CONFIG: Hook<ap_HOOK_post_perdir_config_t> =
    Hook(bindings::ap_hook_post_perdir_config);
pub(super) const HEADER_PARSER: Hook<ap_HOOK_header_parser_t> =
    Hook(bindings::ap_hook_header_parser);
pub(super) const FIXUPS: Hook<ap_HOOK_fixups_t> = Hook(bindings::ap_hook_fixups);
pub(super) const HANDLER: Hook<ap_HOOK_handler_t> = Hook(bindings::ap_hook_handler);
pub(super) const INSERT_FILTER: Hook<ap_HOOK_insert_filter_t> =
    Hook(bindings::ap_hook_insert_filter);
pub(super) const INSERT_ERROR_FILTER: Hook<ap_HOOK_insert_error_filter_t> =
    Hook(bindings::ap_hook_insert_error_filter);
pub(super) const LOG_TRANSACTION: Hook<ap_HOOK_log_transaction_t> =
    Hook(bindings::ap_hook_log_transaction);

impl<F> Hook<F> {
    /// Makes a hook of the address of its `ap_hook_NAME`.
    ///
    /// # Safety
    ///
    /// The function at `address` has the type that `AP_DECLARE_HOOK` gives it
    /// for hook functions of type `F`, and is not unloaded before its last use.
    pub(super) unsafe fn from_symbol(address: NonNull<c_void>) -> Self {
        // SAFETY: pointers to data and to functions are alike where dlsym(3)
        // exists; the caller promises the function's type.
        let add = unsafe { mem::transmute::<*mut c_void, AddTo<F>>(address.as_ptr()) };
        Self(add)
    }

    /// Adds a function that no list of modules orders; functions with lower
    /// numbers run first.
    pub(super) fn add(self, function: F, order: c_int) {
        self.add_between(NO_MODULES, function, NO_MODULES, order);
    }

    /// Adds a function that runs after those of some modules, and before those
    /// of others.
    pub(super) fn add_between(self, after: Modules, function: F, before: Modules, order: c_int) {
        // SAFETY: the function of the hook itself (apr_hooks.h). It keeps the
        // lists, which are NULL or constants that NULL ends, and `function`,
        // which is part of this library: httpd drops its hooks before it unloads
        // a module.
        unsafe { (self.0)(function, after.as_ptr(), before.as_ptr(), order) };
    }
}

/// The names of modules, as C reads them.
#[derive(Clone, Copy)]
pub(super) struct Modules {
    names: &'static [Name],
}

/// A C string, or the NULL that ends a list.
#[repr(transparent)]
pub(super) struct Name(*const c_char);

const NO_MODULES: Modules = Modules { names: &[] };

impl Name {
    pub(super) const END: Self = Self(ptr::null());

    pub(super) const fn of(name: &'static CStr) -> Self {
        Self(name.as_ptr())
    }
}

impl Modules {
    /// Makes a list of names, the last of which is [`Name::END`].
    pub(super) const fn new(names: &'static [Name]) -> Self {
        assert!(
            matches!(names.last(), Some(Name(last)) if last.is_null()),
            "NULL ends a list"
        );
        Self { names }
    }

    fn as_ptr(self) -> *const *const c_char {
        if self.names.is_empty() {
            ptr::null()
        } else {
            self.names.as_ptr().cast()
        }
    }
}
