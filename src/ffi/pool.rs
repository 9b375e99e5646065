//! Memory that httpd frees.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use session_crypto_core::Arena;

use super::bindings::{self, apr_pool_t, apr_status_t};
use super::guard::guard;

/// An APR pool that lives for `'p`.
///
/// Its memory lives exactly as long. The view is not `Send`: httpd uses a pool
/// from one thread at a time.
#[derive(Clone, Copy)]
pub(crate) struct Pool<'p> {
    raw: NonNull<apr_pool_t>,
    lifetime: PhantomData<&'p apr_pool_t>,
}

impl<'p> Pool<'p> {
    /// Makes a view of a pool; `None` for NULL.
    ///
    /// # Safety
    ///
    /// The pool must live for `'p`.
    pub(super) unsafe fn from_raw(raw: *mut apr_pool_t) -> Option<Self> {
        Some(Self {
            raw: NonNull::new(raw)?,
            lifetime: PhantomData,
        })
    }

    pub(super) fn as_ptr(self) -> *mut apr_pool_t {
        self.raw.as_ptr()
    }

    /// Moves a value that has a destructor into the pool; the destructor runs
    /// when the pool is cleared.
    ///
    /// The value is `'static`, because the rest of the pool may be gone by then;
    /// it is `Send` and `Sync`, because every thread uses the values of the
    /// configuration.
    pub(crate) fn store<T: Send + Sync + 'static>(self, value: T) -> &'p T {
        let slot = self.write(value);
        // SAFETY: the pool is live; `slot` holds a T until the cleanup runs,
        // once, when the pool goes (apr_pools.h, apr_pool_cleanup_register).
        unsafe {
            bindings::apr_pool_cleanup_register(
                self.as_ptr(),
                slot.as_ptr().cast::<c_void>(),
                Some(drop_value::<T>),
                Some(bindings::apr_pool_cleanup_null),
            );
        }
        // SAFETY: initialised above, in the pool for all of 'p, and only shared
        // references are made of it.
        unsafe { slot.as_ref() }
    }

    /// Moves a value that has no destructor into the pool.
    pub(crate) fn store_plain<T: Copy + Send + Sync + 'p>(self, value: T) -> &'p mut T {
        let mut slot = self.write(value);
        // SAFETY: initialised above, in the pool for all of 'p, and this is the
        // only reference to it.
        unsafe { slot.as_mut() }
    }

    /// Moves a value that has no destructor into the pool, for callers that keep
    /// a pointer to it.
    pub(super) fn store_raw<T>(self, value: T) -> NonNull<T> {
        const {
            assert!(!std::mem::needs_drop::<T>(), "no destructor would run");
        }
        self.write(value)
    }

    fn write<T>(self, value: T) -> NonNull<T> {
        const {
            assert!(
                align_of::<T>() <= 8,
                "APR aligns to 8 bytes (APR_ALIGN_DEFAULT)"
            );
        }
        let slot = self.allocate(size_of::<T>()).cast::<T>();
        // SAFETY: size_of::<T>() bytes of the pool, aligned for T, which only
        // this function has.
        unsafe { slot.write(value) };
        slot
    }

    fn allocate(self, len: usize) -> NonNull<c_void> {
        // APR answers NULL to a request for no bytes.
        // SAFETY: the pool is live (apr_pools.h, apr_palloc).
        let bytes = unsafe { bindings::apr_palloc(self.as_ptr(), len.max(1)) };
        // httpd's pools end the process when memory runs out (main.c,
        // abort_on_oom), so this NULL is never seen.
        NonNull::new(bytes).unwrap_or_else(|| std::process::abort())
    }

    /// Copies text into the pool, as a C string.
    pub(crate) fn text(self, text: &str) -> &'p CStr {
        self.copy_bytes(text.as_bytes())
    }

    /// Copies a C string into the pool.
    pub(crate) fn copy(self, text: &CStr) -> &'p CStr {
        self.copy_bytes(text.to_bytes())
    }

    fn copy_bytes(self, text: &[u8]) -> &'p CStr {
        let bytes = self.bytes(text.len().saturating_add(1));
        bytes
            .iter_mut()
            .zip(text)
            .for_each(|(to, from)| *to = *from);
        CStr::from_bytes_until_nul(bytes).unwrap_or_default()
    }
}

impl<'p> Arena<'p> for Pool<'p> {
    fn bytes(&self, len: usize) -> &'p mut [u8] {
        let bytes = self.allocate(len).cast::<u8>();
        // SAFETY: `len` bytes of the pool, which only this function has.
        unsafe { bytes.write_bytes(0, len) };
        // SAFETY: the `len` bytes just zeroed, in the pool for all of 'p, to which
        // this is the only reference.
        unsafe { slice::from_raw_parts_mut(bytes.as_ptr(), len) }
    }
}

/// The cleanup of a pool for a `T` that [`Pool::store`] put there.
unsafe extern "C" fn drop_value<T>(value: *mut c_void) -> apr_status_t {
    guard("the cleanup of a pool", bindings::APR_EGENERAL, || {
        // SAFETY: `Pool::store` registered a pointer to a T of its own, and APR
        // runs a cleanup once (apr_pools.h).
        unsafe { value.cast::<T>().drop_in_place() };
        bindings::OK
    })
}
