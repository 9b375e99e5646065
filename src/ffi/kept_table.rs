//! The table of ended sessions, and its agent's process, which outlive a configuration.
//!
//! The module is unloaded and loaded again between two configurations, and children of
//! former ones go on: all of them share one table, until the parent exits.

use std::ffi::{CStr, c_int};
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU64;

use libc::pid_t;

use super::bell::Bell;
use super::guard::NOT_DONE;
use super::retained_mapping::{Age, RetainedMapping, retained};
use super::shared_memory::{no_memory, retains_nothing};
use crate::message::Message;

/// The memory that httpd retains for this module.
#[repr(C)]
struct Retained {
    mapping: RetainedMapping,
    /// The process of the agent; 0 if there is none.
    agent: pid_t,
    /// The bell's descriptor; meaningless without a mapping.
    bell: c_int,
    /// The records that the table is for.
    size: usize,
}

const NAME: &CStr = c"mod_session_crypto ended sessions";

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
) -> Result<KeptTable, Message> {
    let mut retained = table().ok_or_else(retains_nothing)?;
    // SAFETY: the parent has one thread, and no other reference is left.
    let retained = unsafe { retained.as_mut() };
    let layout = (LAYOUT << 32) | layout;
    let mut age = Age::Kept;
    if !retained.mapping.is(layout) {
        age = match retained.mapping.is_mapped() {
            true => Age::Replaced,
            false => Age::New,
        };
        let count = SIGNALS.saturating_add(words(size));
        let renewed = retained.renew(layout, count);
        renewed.map_err(|error| no_memory(count, &error))?;
        retained.size = size;
    }
    let (signals, words) = retained
        .mapping
        .words()
        .split_at_checked(SIGNALS)
        .unwrap_or_default();
    let [end, leaderless, ..] = signals else {
        return Err(NOT_DONE.says("the mapping is too short"));
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
    table().map_or(0, |retained| unsafe { retained.as_ref() }.agent)
}

pub(super) fn set_agent(process: pid_t) {
    if let Some(mut retained) = table() {
        // SAFETY: the parent has one thread, and no other reference is left.
        unsafe { retained.as_mut() }.agent = process;
    }
}

/// The retained bytes, made now if there are none.
fn table() -> Option<NonNull<Retained>> {
    // SAFETY: zeros are no mapping, no agent and no records. Each build has this layout
    // under this name, or a later one that begins alike.
    unsafe { retained(NAME) }
}

impl Retained {
    /// Replaces the table of another build, and its bell.
    fn renew(&mut self, layout: u64, count: usize) -> io::Result<()> {
        if self.mapping.is_mapped() {
            self.mapping.unmap();
            // SAFETY: the descriptor of that build's bell (close(2)).
            unsafe { libc::close(self.bell) };
        }
        let bell = Bell::new()?;
        self.mapping.map(layout, count)?;
        self.bell = bell.descriptor();
        Ok(())
    }
}
