//! The record by which httpd knows this module.

use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::bindings::{self, module};

/// httpd's `module` (http_config.h), and after it a pointer to our state.
///
/// httpd reads the first part only.
#[repr(C)]
pub(crate) struct ModuleRecord<S> {
    module: UnsafeCell<module>,
    state: AtomicPtr<S>,
}

// SAFETY: httpd writes to the record while it loads the module, before any
// thread of ours runs; this crate never writes to it. The state is Sync itself.
unsafe impl<S: Sync> Sync for ModuleRecord<S> {}

impl<S> ModuleRecord<S> {
    /// Makes a record without a state.
    pub(super) const fn new(module: module) -> Self {
        Self {
            module: UnsafeCell::new(module),
            state: AtomicPtr::new(ptr::null_mut()),
        }
    }

    pub(super) const fn as_ptr(&self) -> *const module {
        self.module.get()
    }

    /// The state of the configuration in force.
    ///
    /// # Safety
    ///
    /// The configuration stays in force for `'s`: for as long as a request,
    /// or a line of that configuration, is handled.
    pub(super) unsafe fn state<'s>(&self) -> Option<&'s S> {
        // SAFETY: NULL, or a state that lives until `clear_state` is called, as
        // the caller of `set_state` promises; the caller of this function
        // promises that 's ends before.
        unsafe { self.state.load(Ordering::Acquire).as_ref() }
    }

    /// Puts a state in force.
    ///
    /// # Safety
    ///
    /// The state lives until [`ModuleRecord::clear_state`] is called.
    pub(super) unsafe fn set_state(&self, state: &S) {
        let state = ptr::from_ref(state).cast_mut();
        self.state.store(state, Ordering::Release);
    }

    /// Leaves no state in force.
    pub(super) fn clear_state(&self) {
        self.state.store(ptr::null_mut(), Ordering::Release);
    }
}

// "AP24" and "AP25", the cookies of ap_mmn.h whose API this module is written for.
const _: () = assert!(
    matches!(
        bindings::SESSION_CRYPTO_MAGIC_COOKIE,
        0x4150_3234 | 0x4150_3235
    ),
    "this is neither httpd 2.4 nor httpd 2.5: build with the apxs of one"
);
