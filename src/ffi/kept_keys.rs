//! Keys that outlive a configuration, in the parent.
//!
//! They are in mappings, which httpd's retained data refers to: the module is
//! unloaded and loaded again between two configurations. Children inherit a copy
//! of the keys that the parent derives; the table of those that requests have
//! derived is the same for all children of all configurations.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_void};
use std::io;
use std::ptr::{self, NonNull};
use std::slice;
use std::sync::atomic::AtomicU64;

use zeroize::{Zeroize, Zeroizing};

use super::bindings;
use super::shared_memory::{Sharing, map, no_memory};

/// A key's name, and the key.
pub(crate) type Entry = [[u8; 32]; 2];

/// By name.
pub(crate) type Keys = BTreeMap<[u8; 32], Zeroizing<[u8; 32]>>;

/// Retained by httpd for us. Every build of this module begins alike, so that
/// any of them can wipe what it cannot read.
#[repr(C)]
struct Retained {
    layout: u64,
    /// Start of the mapping; NULL if there is none.
    start: *mut c_void,
    /// Its length in bytes.
    length: usize,
    /// Start of the mapping that children share; NULL if there is none.
    table: *mut c_void,
    table_length: usize,
    /// Entries of the first mapping.
    count: usize,
}

/// The layout of this build: so many pairs of a name and a key.
const LAYOUT: u64 = 1;

const NAME: &CStr = c"mod_session_crypto master keys";

/// Bytes that are retained, more than there is a use for now.
const LENGTH: usize = 64;
const _: () = assert!(size_of::<Retained>() <= LENGTH, "no room for it");

/// The table that all children share: zeros at first, and then what those of
/// earlier configurations have left there.
///
/// It stays mapped for as long as a build with this layout is loaded, and a child
/// keeps the mapping until it exits.
pub(super) fn table(words: usize) -> Result<&'static [AtomicU64], String> {
    let mut retained = retained().ok_or("httpd retains nothing")?;
    // SAFETY: ours alone, as the parent has one thread.
    let retained = unsafe { retained.as_mut() };
    let start = retained
        .map_table(words.saturating_mul(size_of::<AtomicU64>()))
        .map_err(|error| no_memory(words, &error))?;
    // SAFETY: so many words, aligned to a page, zeros or what other processes
    // write there with the same atomics.
    Ok(unsafe { slice::from_raw_parts(start.cast().as_ptr(), words) })
}

/// The keys that were kept for this configuration.
pub(crate) fn read() -> Keys {
    let Some(retained) = retained() else {
        return Keys::new();
    };
    // SAFETY: ours alone, as the parent has one thread.
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
    // SAFETY: ours alone, as the parent has one thread.
    let retained = unsafe { retained.as_mut() };
    retained.wipe();
    // Without memory the next configuration derives them again.
    let _ = retained.fill(entries);
}

/// The retained bytes, made now if there are none.
fn retained() -> Option<NonNull<Retained>> {
    // SAFETY: a C string; the answer is NULL or what was made below.
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    let place = NonNull::new(known).or_else(|| {
        // SAFETY: a C string; httpd ends the process if there is no memory, and
        // fills the bytes with zeros (server/config.c).
        NonNull::new(unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), LENGTH) })
    })?;
    let mut place = place.cast::<Retained>();
    // SAFETY: 64 bytes of a pool, aligned, and zeros or what a build of this
    // module wrote; the parent has one thread.
    let retained = unsafe { place.as_mut() };
    if retained.layout != LAYOUT {
        retained.wipe();
        retained.unmap_table();
        retained.layout = LAYOUT;
    }
    Some(place)
}

impl Retained {
    fn entries(&self) -> &[Entry] {
        if self.start.is_null() {
            return &[];
        }
        // SAFETY: `fill` wrote so many entries there, and they are plain bytes.
        unsafe { slice::from_raw_parts(self.start.cast(), self.count) }
    }

    /// Wipes and unmaps what is there, of whatever layout.
    fn wipe(&mut self) {
        let start = std::mem::replace(&mut self.start, ptr::null_mut());
        let length = std::mem::take(&mut self.length);
        self.count = 0;
        if start.is_null() {
            return;
        }
        // SAFETY: a mapping of this length, which nobody refers to any more.
        unsafe { slice::from_raw_parts_mut(start.cast::<u8>(), length) }.zeroize();
        // SAFETY: likewise.
        unsafe { libc::munmap(start, length) };
    }

    fn map_table(&mut self, length: usize) -> io::Result<NonNull<c_void>> {
        if self.table_length != length {
            // Another build's, which is not loaded any more.
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
            // SAFETY: a mapping of this length, handed out by another build, which
            // has gone with all that referred to it.
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
        // SAFETY: the mapping, which is zeros and ours alone.
        let places = unsafe { slice::from_raw_parts_mut(start.cast::<Entry>(), count) };
        for (place, (name, key)) in places.iter_mut().zip(entries) {
            *place = [name, *key];
        }
        self.start = start;
        self.length = length;
        self.count = count;
        Ok(())
    }
}
