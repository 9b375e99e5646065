//! Memory that the parent keeps from one configuration to the next, and shares with its
//! children.
//!
//! The module is unloaded and loaded again between two configurations, perhaps as another
//! build. Children of former configurations go on with the same memory.

use std::ffi::{CStr, c_void};
use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use super::bindings;
use super::shared_memory::{Sharing, map};

/// A mapping to which httpd's retained data refers. It begins alike in every build, so that
/// each can let go of what it cannot use.
#[repr(C)]
pub(super) struct RetainedMapping {
    layout: u64,
    /// Start of the mapping; NULL if there is none.
    start: *mut c_void,
    /// Its length in bytes.
    length: usize,
}

/// The origin of a mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// It is new.
    New,
    /// It is new, because another build of the module has left one of another layout.
    Replaced,
    /// An earlier configuration has left it.
    Kept,
}

/// Bytes that are retained for a mapping and what belongs to it, with room for later layouts.
const LENGTH: usize = 128;

/// The bytes that httpd retains under a name, made now if there are none: zeros at first.
///
/// # Safety
///
/// Zeros are a `T`, and the memory under this name has this type in every build of this
/// module.
pub(super) unsafe fn retained<T>(name: &CStr) -> Option<NonNull<T>> {
    const { assert!(size_of::<T>() <= LENGTH, "the layout needs more room") };
    // SAFETY: the name is a C string; the answer is NULL, or memory that an earlier call
    // has made below (httpd.h, ap_retained_data_get).
    let known = unsafe { bindings::ap_retained_data_get(name.as_ptr()) };
    let memory = NonNull::new(known).or_else(|| {
        // SAFETY: the name is a C string; httpd ends the process if there is no memory,
        // and fills the bytes with zeros (server/config.c).
        NonNull::new(unsafe { bindings::ap_retained_data_create(name.as_ptr(), LENGTH) })
    })?;
    Some(memory.cast())
}

impl RetainedMapping {
    /// Whether there is a mapping of this layout.
    pub(super) fn is(&self, layout: u64) -> bool {
        !self.start.is_null() && self.layout == layout
    }

    /// Whether there is a mapping.
    pub(super) fn is_mapped(&self) -> bool {
        !self.start.is_null()
    }

    /// Maps `count` words of this layout, all zero.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(super) fn map(&mut self, layout: u64, count: usize) -> io::Result<()> {
        self.unmap();
        let length = count.saturating_mul(size_of::<AtomicU64>());
        self.start = map(length, Sharing::WithChildren)?.as_ptr();
        self.length = length;
        self.layout = layout;
        Ok(())
    }

    /// Unmaps the memory of another build; children of that build still use it.
    pub(super) fn unmap(&mut self) {
        let start = std::mem::replace(&mut self.start, ptr::null_mut());
        if !start.is_null() {
            // SAFETY: a mapping of this length, which another build used; that build is
            // unloaded, and its references with it (munmap(2)).
            unsafe { libc::munmap(start, self.length) };
        }
    }

    /// The words; none without a mapping.
    ///
    /// They stay for as long as a build with this layout is loaded.
    pub(super) fn words(&self) -> &'static [AtomicU64] {
        let count = self.length.div_euclid(size_of::<AtomicU64>());
        match NonNull::new(self.start) {
            // SAFETY: as many words as `map` has mapped, aligned to a page. They are zeros,
            // or written by other processes with the same atomics. Only `map` unmaps them,
            // for a build with another layout.
            Some(start) => unsafe { slice::from_raw_parts(start.cast().as_ptr(), count) },
            None => &[],
        }
    }
}
