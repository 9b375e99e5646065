//! Memory that httpd frees.

use std::ffi::{CStr, c_void};
use std::marker::PhantomData;
use std::mem::MaybeUninit;
use std::ptr::NonNull;
use std::slice;

use session_crypto_core::{Arena, Text, Writer};

use super::bindings::{self, apr_pool_t, apr_status_t};
use super::guard::guard;
use super::log::MainServer;

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

    /// The pool of the configuration in force.
    pub(super) fn of_configuration(server: MainServer<'p>) -> Option<Self> {
        // SAFETY: a live server (httpd.h, server_rec).
        let process = unsafe { (*server.as_ptr()).process };
        // SAFETY: NULL, or the one record of the process, which lives as long.
        let process = unsafe { process.as_ref() }?;
        // SAFETY: the pool that the server itself is in (server/main.c).
        unsafe { Self::from_raw(process.pconf) }
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

    /// Copies bytes without a NUL into the pool, as a C string.
    pub(crate) fn copy_bytes(self, text: &[u8]) -> &'p CStr {
        self.copy_text(text).map_or(c"", Self::c_string)
    }

    /// Text in a pool as a C string, up to its first NUL.
    pub(crate) fn c_string(text: Text<'p>) -> &'p CStr {
        let text = text.to_bytes_with_nul();
        // SAFETY: `Text` ends in a NUL, and lives for all of 'p.
        unsafe { CStr::from_ptr(text.as_ptr().cast()) }
    }

    /// Copies bytes into the pool.
    pub(crate) fn copy_text(self, text: &[u8]) -> Option<Text<'p>> {
        let mut writer = self.writer(text.len());
        writer.push(text);
        writer.finish()
    }
}

impl<'p> Arena<'p> for Pool<'p> {
    type Writer = PoolWriter<'p>;

    fn bytes(&self, len: usize) -> &'p mut [MaybeUninit<u8>] {
        let bytes = self.allocate(len).cast::<MaybeUninit<u8>>();
        // SAFETY: `len` bytes of the pool for all of 'p, to which this is the only
        // reference; they need no value.
        unsafe { slice::from_raw_parts_mut(bytes.as_ptr(), len) }
    }

    fn writer(&self, len: usize) -> PoolWriter<'p> {
        PoolWriter {
            start: self.allocate(len.saturating_add(1)).cast(),
            len,
            written: 0,
            lifetime: PhantomData,
        }
    }
}

/// Text in a pool that is being written.
///
/// `start` has room for `len` bytes and a NUL, to which nothing else refers, and the first
/// `written` bytes have been written; or `written` is [`GIVEN_UP`].
pub(crate) struct PoolWriter<'p> {
    start: NonNull<u8>,
    len: usize,
    written: usize,
    lifetime: PhantomData<&'p mut [u8]>,
}

impl PoolWriter<'_> {
    /// The next `len` bytes, if there is room for as many; if not, the text is given up.
    #[inline]
    fn next(&mut self, len: usize) -> Option<NonNull<u8>> {
        if self.written > self.len || self.len.saturating_sub(self.written) < len {
            self.written = GIVEN_UP;
            return None;
        }
        // SAFETY: `written` is at most the length of the text.
        Some(unsafe { self.start.add(self.written) })
    }
}

/// The mark of a text that is not whole; no text is as long.
const GIVEN_UP: usize = usize::MAX;

impl<'p> Writer<'p> for PoolWriter<'p> {
    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        if let Some(next) = self.next(bytes.len()) {
            // SAFETY: `next` has room for as many bytes, to which nothing else refers.
            unsafe { next.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
            self.written = self.written.saturating_add(bytes.len());
        }
    }

    #[inline]
    fn fill(
        &mut self,
        len: usize,
        write: impl for<'w> FnOnce(&'w mut [MaybeUninit<u8>]) -> Option<&'w mut [u8]>,
    ) -> Option<&mut [u8]> {
        let next = self.next(len)?;
        // SAFETY: `next` has room for as many bytes, to which nothing else refers, and
        // which need no value.
        let room = unsafe { slice::from_raw_parts_mut(next.as_ptr().cast(), len) };
        let is_written =
            write(room).is_some_and(|bytes| bytes.len() == len && bytes.as_ptr() == next.as_ptr());
        if !is_written {
            self.written = GIVEN_UP;
            return None;
        }
        self.written = self.written.saturating_add(len);
        // SAFETY: `write` has returned exactly these bytes as written ones.
        Some(unsafe { slice::from_raw_parts_mut(next.as_ptr(), len) })
    }

    #[inline]
    fn finish(self) -> Option<Text<'p>> {
        if self.written != self.len {
            return None;
        }
        // SAFETY: the byte after the text, for which `start` has room.
        let end = unsafe { self.start.add(self.len) };
        // SAFETY: that byte, to which nothing else refers.
        unsafe { end.write(0) };
        let len = self.len.wrapping_add(1);
        // SAFETY: text and NUL are written, live for all of 'p, and nothing refers to them
        // any more.
        Text::new(unsafe { slice::from_raw_parts(self.start.as_ptr(), len) })
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
