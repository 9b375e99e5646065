//! The table of ended sessions, and its agent's process, which outlive a configuration.
//!
//! The module is unloaded and loaded again between two configurations, and children of
//! former ones go on: all of them share one table, until the parent exits.

use std::ffi::{CStr, c_int, c_void};
use std::io;
use std::ptr::NonNull;
use std::slice;
use std::sync::atomic::AtomicU64;

use libc::pid_t;

use super::bell::Bell;
use super::bindings;
use super::shared_memory::{Sharing, map, no_memory};

/// The memory that httpd retains for this module. It begins alike in every build, so that
/// each can let go of what it cannot use.
#[repr(C)]
struct Retained {
    layout: u64,
    /// Start of the mapping; NULL if there is none.
    start: *mut c_void,
    /// Its length in bytes.
    length: usize,
    /// The process of the agent; 0 if there is none.
    agent: pid_t,
    /// The bell's descriptor; meaningless without a mapping.
    bell: c_int,
    /// The records that the table is for.
    size: usize,
}

const NAME: &CStr = c"mod_session_crypto ended sessions";

/// Bytes that are retained, with room for later layouts.
const LENGTH: usize = 128;
const _: () = assert!(
    size_of::<Retained>() <= LENGTH,
    "the layout needs more room"
);

/// Words before the table, for the agent and those that start it.
const SIGNALS: usize = 64;

/// A number for the layout of [`Retained`] and of the words before the table.
const LAYOUT: u64 = 1;

/// The table, as all processes of this server have it.
#[derive(Clone, Copy)]
pub(crate) struct KeptTable {
    /// The words of the table.
    pub(crate) words: &'static [AtomicU64],
    /// The records that the table is for.
    pub(crate) size: usize,
    /// The origin of the table.
    pub(crate) age: Age,
    /// Wakes the agent.
    pub(crate) bell: Bell,
    pub(super) signals: Signals,
}

/// The origin of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Age {
    /// It is new.
    New,
    /// It is new, because another build of the module has left one of another layout.
    Replaced,
    /// An earlier configuration has left it.
    Kept,
}

/// The words that the parent and its agent exchange.
#[derive(Clone, Copy)]
pub(super) struct Signals {
    /// Non-zero if the agent is to end.
    pub(super) end: &'static AtomicU64,
    /// The Unix time in seconds since when no configuration is in force; 0 if one is.
    pub(super) leaderless: &'static AtomicU64,
}

/// The table of an earlier configuration, or a new one for `size` records. `layout` is the
/// number of its layout, and `words` tells how many words it takes.
pub(crate) fn map_table(
    layout: u64,
    size: usize,
    words: impl Fn(usize) -> usize,
) -> Result<KeptTable, String> {
    let mut retained = retained().ok_or("httpd retains nothing")?;
    // SAFETY: the parent has one thread, and no other reference is left.
    let retained = unsafe { retained.as_mut() };
    let layout = (LAYOUT << 32) | layout;
    let mut age = Age::Kept;
    if retained.start.is_null() || retained.layout != layout {
        age = if retained.start.is_null() {
            Age::New
        } else {
            Age::Replaced
        };
        retained.unmap();
        let count = words(size);
        retained
            .map(count)
            .map_err(|error| no_memory(count, &error))?;
        retained.layout = layout;
        retained.size = size;
    }
    let count = words(retained.size);
    let start = NonNull::new(retained.start).ok_or("httpd retains no mapping")?;
    // SAFETY: as many words as `map` has mapped for this layout and size, aligned to a
    // page. They are zeros, or written by other processes with the same atomics, and stay
    // for as long as a build with this layout is loaded.
    let all: &'static [AtomicU64] =
        unsafe { slice::from_raw_parts(start.cast().as_ptr(), SIGNALS.saturating_add(count)) };
    let (signals, words) = all.split_at_checked(SIGNALS).unwrap_or_default();
    let [end, leaderless, ..] = signals else {
        return Err("the mapping is too short".to_owned());
    };
    Ok(KeptTable {
        words,
        size: retained.size,
        age,
        bell: Bell::of(retained.bell),
        signals: Signals { end, leaderless },
    })
}

/// The process of the agent, as far as the parent knows; 0 if there is none.
pub(super) fn agent() -> pid_t {
    // SAFETY: the parent has one thread, and no other reference is left.
    retained().map_or(0, |retained| unsafe { retained.as_ref() }.agent)
}

pub(super) fn set_agent(process: pid_t) {
    if let Some(mut retained) = retained() {
        // SAFETY: the parent has one thread, and no other reference is left.
        unsafe { retained.as_mut() }.agent = process;
    }
}

/// The retained bytes, made now if there are none.
fn retained() -> Option<NonNull<Retained>> {
    // SAFETY: the name is a C string; the answer is NULL, or memory that an earlier call
    // has made below (httpd.h, ap_retained_data_get).
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    let memory = NonNull::new(known).or_else(|| {
        // SAFETY: the name is a C string; httpd ends the process if there is no memory,
        // and fills the bytes with zeros (server/config.c).
        NonNull::new(unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), LENGTH) })
    })?;
    Some(memory.cast())
}

impl Retained {
    fn map(&mut self, words: usize) -> io::Result<()> {
        let words = SIGNALS.saturating_add(words);
        let length = words.saturating_mul(size_of::<AtomicU64>());
        let bell = Bell::new()?;
        self.start = map(length, Sharing::WithChildren)?.as_ptr();
        self.length = length;
        self.bell = bell.descriptor();
        Ok(())
    }

    /// Unmaps the table of another build; children of that build still use it.
    fn unmap(&mut self) {
        let start = std::mem::replace(&mut self.start, std::ptr::null_mut());
        if start.is_null() {
            return;
        }
        // SAFETY: a mapping of this length, which another build used; that build is
        // unloaded, and its references with it (munmap(2)).
        unsafe { libc::munmap(start, self.length) };
        // SAFETY: the descriptor of that build's bell (close(2)).
        unsafe { libc::close(self.bell) };
    }
}
