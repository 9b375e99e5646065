//! Memory that the parent shares with its children.

use std::ffi::{c_int, c_void};
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use super::guard::NOT_DONE;
use super::pool::Pool;
use crate::message::{Code, Message};

/// There is no memory to share.
const NO_MEMORY: Code = Code("SC0516");

/// A mapping of zeros that the children of this process inherit.
///
/// It is not wiped when it is dropped: children of a configuration that has ended
/// still answer requests with it. The last process that has it gives the pages
/// back to the kernel, which clears them before another process gets them.
struct Mapping {
    start: NonNull<AtomicU64>,
    words: usize,
}

// SAFETY: the value owns the mapping, which any thread may unmap (munmap(2)).
unsafe impl Send for Mapping {}
// SAFETY: the mapping is made of atomics, which threads may share.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `words` words, all zero.
    ///
    /// # Errors
    ///
    /// There is no memory.
    fn new(words: usize) -> Result<Self, Message> {
        let length = words.saturating_mul(size_of::<AtomicU64>());
        let start = map(length, Sharing::WithChildren).map_err(|error| no_memory(words, &error))?;
        Ok(Self {
            start: start.cast(),
            words,
        })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let length = self.words.saturating_mul(size_of::<AtomicU64>());
        // SAFETY: `new` mapped this length. No reference to it is left, as the caller of
        // `share` promises.
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

/// Maps `length` bytes, all zero.
pub(super) fn map(length: usize, sharing: Sharing) -> io::Result<NonNull<c_void>> {
    let flags = match sharing {
        Sharing::WithChildren => libc::MAP_SHARED,
        Sharing::Not => libc::MAP_PRIVATE,
    };
    let rights = libc::PROT_READ | libc::PROT_WRITE;
    map_with(length, rights, flags | libc::MAP_ANONYMOUS, -1)
}

/// Maps `length` bytes of a file, which other processes may have mapped too.
pub(super) fn map_file(file: &File, length: usize, rights: c_int) -> io::Result<NonNull<c_void>> {
    map_with(length, rights, libc::MAP_SHARED, file.as_raw_fd())
}

fn map_with(
    length: usize,
    rights: c_int,
    flags: c_int,
    file: c_int,
) -> io::Result<NonNull<c_void>> {
    // SAFETY: a mapping at an address that the kernel chooses touches no memory that is
    // in use (mmap(2)).
    let start = unsafe { libc::mmap(ptr::null_mut(), length, rights, flags, file, 0) };
    if start == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(start).ok_or(io::ErrorKind::OutOfMemory.into())
}

/// Says that there is no memory to share.
pub(super) fn no_memory(words: usize, error: &io::Error) -> Message {
    NO_MEMORY.says(format!(
        "{words} words of memory to share with children cannot be had ({error})"
    ))
}

/// Says that httpd keeps no memory from one configuration to the next.
pub(super) fn retains_nothing() -> Message {
    NOT_DONE.says("httpd retains nothing")
}

/// Maps `words` words, all zero, until the pool is cleared.
///
/// # Safety
///
/// The value that keeps the words is stored in the same pool, later. A pool's
/// cleanups run in the reverse of their order (apr_pools.h), so that value is
/// dropped before the words go, and the lifetime is right in the parent. A child
/// inherits both, and clears that pool only as it exits (`atexit(apr_terminate)`
/// in server/main.c), in the same order.
pub(super) unsafe fn share(pool: Pool<'_>, words: usize) -> Result<&'static [AtomicU64], Message> {
    let mapping = pool.store(Mapping::new(words)?);
    // SAFETY: `words` words were mapped, aligned to a page; zeros are atomics; they
    // stay for as long as the caller promises.
    Ok(unsafe { slice::from_raw_parts(mapping.start.as_ptr(), mapping.words) })
}
