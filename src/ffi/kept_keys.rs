//! Keys that outlive a configuration.
//!
//! The module is unloaded and loaded again between two configurations, so the keys
//! are in mappings to which httpd's retained data refers. Children inherit a copy
//! of the keys that the parent derives: master keys, and classic keys of the hour.
//! All children of all configurations share one table of the master keys that
//! requests have derived.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_void};
use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use zeroize::{Zeroize, Zeroizing};

use super::bindings;
use super::shared_memory::{Sharing, map, no_memory, retains_nothing};
use crate::message::Message;

/// A key's name, and the key.
type Entry = [[u8; 32]; 2];

/// Kept keys, by their names.
pub(crate) type KeptKeys = BTreeMap<[u8; 32], Zeroizing<[u8; 32]>>;

/// The memory that httpd retains for this module. It begins alike in every build,
/// so that each can wipe the keys that it cannot read.
#[repr(C)]
struct Retained {
    layout: u64,
    /// Start of the mapping with the parent's keys; NULL if there is none.
    start: *mut c_void,
    /// Its length in bytes.
    length: usize,
    /// Start of the mapping that children share; NULL if there is none.
    table: *mut c_void,
    table_length: usize,
    /// Entries of the first mapping.
    count: usize,
}

/// The layout of this build: `count` entries.
const LAYOUT: u64 = 1;

/// The name that every build looks for, so that none leaves keys behind unwiped.
const NAME: &CStr = c"mod_session_crypto master keys";

/// Bytes that are retained, with room for later layouts.
const LENGTH: usize = 64;
const _: () = assert!(
    size_of::<Retained>() <= LENGTH,
    "the layout needs more room"
);

/// The table that all children share: zeros at first, later the entries that
/// children of earlier configurations have left there.
///
/// It stays mapped for as long as a build with this layout is loaded, and a child
/// keeps the mapping until it exits.
pub(super) fn table(words: usize) -> Result<&'static [AtomicU64], Message> {
    let mut retained = retained().ok_or_else(retains_nothing)?;
    // SAFETY: the parent has one thread, and no other reference is left.
    let retained = unsafe { retained.as_mut() };
    let start = retained
        .map_table(words.saturating_mul(size_of::<AtomicU64>()))
        .map_err(|error| no_memory(words, &error))?;
    // SAFETY: `words` words, aligned to a page, which are zeros or written by other
    // processes with the same atomics.
    Ok(unsafe { slice::from_raw_parts(start.cast().as_ptr(), words) })
}

/// The keys that were kept for this configuration.
pub(crate) fn read() -> KeptKeys {
    let Some(retained) = retained() else {
        return KeptKeys::new();
    };
    // SAFETY: the parent has one thread, and no other reference is left.
    let retained = unsafe { retained.as_ref() };
    let entries = retained.entries().iter();
    entries
        .map(|[name, key]| (*name, Zeroizing::new(*key)))
        .collect()
}

/// Keeps these keys for the next configuration, and wipes all others.
pub(crate) fn replace(entries: &mut dyn ExactSizeIterator<Item = ([u8; 32], &[u8; 32])>) {
    let Some(mut retained) = retained() else {
        return;
    };
    // SAFETY: the parent has one thread, and no other reference is left.
    let retained = unsafe { retained.as_mut() };
    retained.wipe();
    // Without memory the next configuration derives them again.
    let _ = retained.fill(entries);
}

/// The retained bytes, made now if there are none.
fn retained() -> Option<NonNull<Retained>> {
    // SAFETY: the name is a C string; the answer is NULL, or memory that an
    // earlier call has made below (httpd.h, ap_retained_data_get).
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    let memory = NonNull::new(known).or_else(|| {
        // SAFETY: the name is a C string; httpd ends the process if there is no
        // memory, and fills the bytes with zeros (server/config.c).
        NonNull::new(unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), LENGTH) })
    })?;
    let mut memory = memory.cast::<Retained>();
    // SAFETY: 64 bytes of a pool, aligned, which are zeros or written by a build
    // of this module; the parent has one thread.
    let retained = unsafe { memory.as_mut() };
    if retained.layout != LAYOUT {
        retained.wipe();
        retained.unmap_table();
        retained.layout = LAYOUT;
    }
    Some(memory)
}

impl Retained {
    fn entries(&self) -> &[Entry] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: `fill` wrote `count` entries there, and they are plain bytes.
        unsafe { slice::from_raw_parts(self.start.cast(), self.count) }
    }

    /// Wipes and unmaps the parent's keys, whatever their layout.
    fn wipe(&mut self) {
        let start = std::mem::replace(&mut self.start, ptr::null_mut());
        let length = std::mem::take(&mut self.length);
        self.count = 0;
        if start.is_null() {
            return;
        }
        // SAFETY: a mapping of this length, to which no reference is left.
        unsafe { slice::from_raw_parts_mut(start.cast::<u8>(), length) }.zeroize();
        // SAFETY: the same mapping, which nothing uses after this (munmap(2)).
        unsafe { libc::munmap(start, length) };
    }

    fn map_table(&mut self, length: usize) -> io::Result<NonNull<c_void>> {
        if self.table_length != length {
            // The table of another build, which is not loaded any more.
            self.unmap_table();
        }
        if let Some(table) = NonNull::new(self.table) {
            return Ok(table);
        }
        let table = map(length, Sharing::WithChildren)?;
        self.table = table.as_ptr();
        self.table_length = length;
        Ok(table)
    }

    /// Unmaps the table, which children may still use: it is not wiped.
    fn unmap_table(&mut self) {
        let table = std::mem::replace(&mut self.table, ptr::null_mut());
        let length = std::mem::take(&mut self.table_length);
        if !table.is_null() {
            // SAFETY: a mapping of this length, which another build used; that build
            // is unloaded, and its references with it (munmap(2)).
            unsafe { libc::munmap(table, length) };
        }
    }

    fn fill(
        &mut self,
        entries: &mut dyn ExactSizeIterator<Item = ([u8; 32], &[u8; 32])>,
    ) -> io::Result<()> {
        let count = entries.len();
        if count == 0 {
            return Ok(());
        }
        let length = count.saturating_mul(size_of::<Entry>());
        let start = map(length, Sharing::Not)?.as_ptr();
        // SAFETY: the mapping is new, and zeros are entries.
        let slots = unsafe { slice::from_raw_parts_mut(start.cast::<Entry>(), count) };
        for (slot, (name, key)) in slots.iter_mut().zip(entries) {
            *slot = [name, *key];
        }
        self.start = start;
        self.length = length;
        self.count = count;
        Ok(())
    }
}
