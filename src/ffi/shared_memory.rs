//! Memory that the parent shares with its children.

use std::ffi::c_void;
use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use super::pool::Pool;

/// A mapping of zeros that the children of this process inherit.
///
/// It is not wiped as it goes: children of a configuration that has ended
/// still answer requests with it, and the last process that has it gives the
/// pages back to the kernel, which clears them before anybody else gets them.
struct Mapping {
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the one value that owns the mapping; it is atomics all over.
unsafe impl Send for Mapping {}
// SAFETY: likewise.
unsafe impl Sync for Mapping {}

impl Mapping {
    fn new(words: usize) -> io::Result<Self> {
        let length = words.saturating_mul(size_of::<AtomicU64>());
        let start = map(length, Sharing::WithChildren)?.cast();
        Ok(Self { start, words })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let length = self.words.saturating_mul(size_of::<AtomicU64>());
        // SAFETY: mapped by `new` with this length, and nobody refers to it any
        // more, as `share` demands of its caller.
        unsafe { libc::munmap(self.start.as_ptr().cast(), length) };
    }
}

/// The processes that see what this one writes to a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sharing {
    /// All that are forked later.
    WithChildren,
    /// No other: a child has a copy.
    Not,
}

/// Maps so many bytes, all zero.
pub(super) fn map(length: usize, sharing: Sharing) -> io::Result<NonNull<c_void>> {
    let flags = match sharing {
        Sharing::WithChildren => libc::MAP_SHARED,
        Sharing::Not => libc::MAP_PRIVATE,
    };
    // SAFETY: no address is asked for, and no file (mmap(2)).
    let start = unsafe {
        libc::mmap(
            ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            flags | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory.into())
}

/// Says that there is no memory to share.
pub(super) fn no_memory(words: usize, error: &io::Error) -> String {
    format!("{words} words of memory to share with children cannot be had ({error})")
}

/// Maps so many words, all zero, until the pool is cleared.
///
/// # Safety
///
/// The words' keeper is placed in the same pool, later: a pool's cleanups run in
/// the reverse of their order (`apr_pools.h`), so the keeper goes before the
/// words do, and the lifetime is right in the parent. A child inherits both,
/// and clears that pool only as it exits (`atexit(apr_terminate)` in
/// server/main.c), in the same order.
pub(super) unsafe fn share(pool: Pool<'_>, words: usize) -> Result<&'static [AtomicU64], String> {
    let mapping = Mapping::new(words).map_err(|error| no_memory(words, &error))?;
    let mapping = pool.place(mapping);
    // SAFETY: so many words, aligned to a page; zeros are atomics; they stay for
    // as long as the caller promises.
    Ok(unsafe { slice::from_raw_parts(mapping.start.as_ptr(), mapping.words) })
}
