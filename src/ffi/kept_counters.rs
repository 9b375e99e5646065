//! The counters of the server, which outlive a configuration.

use std::ffi::CStr;
use std::ptr::NonNull;

use session_crypto_core::Counters;

use super::processor;
use super::retained_mapping::{RetainedMapping, retained};
use super::shared_memory::{no_memory, retains_nothing};
use crate::message::Message;

const NAME: &CStr = c"mod_session_crypto counters";

/// The counters of the configurations before, or new ones if there are none, or only those of
/// a build with another layout.
///
/// # Errors
///
/// There is no memory.
pub(super) fn counters() -> Result<Counters, Message> {
    let mut mapping = mapping().ok_or_else(retains_nothing)?;
    // SAFETY: the parent has one thread, and no other reference is left.
    let mapping = unsafe { mapping.as_mut() };
    if !mapping.is(Counters::LAYOUT) {
        let count = Counters::words(processor::count());
        let mapped = mapping.map(Counters::LAYOUT, count);
        mapped.map_err(|error| no_memory(count, &error))?;
    }
    Ok(Counters::view(mapping.words()))
}

/// The retained bytes, made now if there are none.
fn mapping() -> Option<NonNull<RetainedMapping>> {
    // SAFETY: zeros are no mapping, and each build has this layout under this name.
    unsafe { retained(NAME) }
}
