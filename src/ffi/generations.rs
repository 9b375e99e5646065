//! The moment when the last process of a former configuration has ended.
//!
//! After a graceful restart, children of the former configuration still answer
//! on connections that they keep. All processes of a configuration inherit the
//! write end of a pipe, and never write. Once the parent has closed its own copy,
//! the read end reports the end of the file when the last of them is gone.

use std::ffi::{CStr, c_int, c_short};
use std::ptr::NonNull;

use super::bindings::{self, apr_time_t};
use super::date;

/// The memory that the parent keeps from one configuration to the next, also across
/// builds of this module: a new layout takes a new [`NAME`].
#[repr(C)]
#[derive(Clone, Copy)]
struct Generations {
    /// The time when the configuration in force was read.
    since: apr_time_t,
    /// The pipe of the configuration in force: its read end and its write end.
    current: [c_int; 2],
    /// The read ends of the configurations before.
    former: [c_int; MAX_FORMER],
    /// Non-zero if the log does not say yet that the last of them has ended.
    is_waiting: c_int,
}

/// Stands for the lack of a descriptor.
const NONE: c_int = -1;

const NAME: &CStr = c"mod_session_crypto generations 1";

/// The most former configurations that are told apart. Beyond that, several share
/// a pipe, which ends with the last of them.
const MAX_FORMER: usize = 64;

/// Lets go of the pipe of the configuration that ends, before the parent forks for
/// the next one.
pub(super) fn end() {
    let Some(generations) = generations() else {
        return;
    };
    let [read, write] = generations.current;
    let free = generations.former.iter_mut().find(|end| **end == NONE);
    if let (true, Some(free)) = (read != NONE, free) {
        close(write);
        *free = read;
        generations.current = [NONE; 2];
        generations.is_waiting = 1;
    }
}

/// Makes the pipe of a configuration that comes into force.
pub(super) fn begin() {
    let Some(generations) = generations() else {
        return;
    };
    // SAFETY: the call takes no arguments (apr_time.h).
    generations.since = unsafe { bindings::apr_time_now() };
    if generations.current == [NONE; 2] {
        generations.current = pipe();
    }
}

/// The time since when a configuration is in force, if the last process of all
/// former ones has ended since the last call.
pub(super) fn have_ended() -> Option<String> {
    let generations = generations()?;
    for end in &mut generations.former {
        if *end != NONE && is_at_end(*end) {
            close(*end);
            *end = NONE;
        }
    }
    let are_gone = generations.former.iter().all(|end| *end == NONE);
    if !are_gone || std::mem::take(&mut generations.is_waiting) == 0 {
        return None;
    }
    Some(date::of_apr(generations.since))
}

/// The one value, made at the first call. Only the parent calls, from its one
/// thread, and no function here calls twice.
fn generations() -> Option<&'static mut Generations> {
    // SAFETY: the name is a C string; the answer is NULL, or memory that an
    // earlier call has made below (httpd.h, ap_retained_data_get).
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    let known: *mut Generations = known.cast();
    // SAFETY: memory under this name has this layout in every build, and no other
    // reference to it is left.
    if let Some(known) = unsafe { known.as_mut() } {
        return Some(known);
    }
    // SAFETY: the name is a C string; httpd ends the process if there is no memory.
    let memory =
        unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), size_of::<Generations>()) };
    let memory: NonNull<Generations> = NonNull::new(memory)?.cast();
    let none = Generations {
        since: 0,
        current: [NONE; 2],
        former: [NONE; MAX_FORMER],
        is_waiting: 0,
    };
    // SAFETY: as many bytes were asked for, in a pool that aligns to 8, and only
    // this function has them.
    unsafe { memory.write(none) };
    // SAFETY: written above, and it lives as long as the process.
    Some(unsafe { &mut *memory.as_ptr() })
}

/// A pipe that no program inherits.
fn pipe() -> [c_int; 2] {
    let mut ends = [NONE; 2];
    // SAFETY: the array has room for two descriptors (pipe2(2)).
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    if made == 0 { ends } else { [NONE; 2] }
}

/// Whether every copy of the other end of a pipe is closed.
fn is_at_end(read: c_int) -> bool {
    const END: c_short = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
    let mut poll = libc::pollfd {
        fd: read,
        events: 0,
        revents: 0,
    };
    // SAFETY: one pollfd, with a descriptor that `pipe` made (poll(2)).
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready == 1 && poll.revents & END != 0
}

fn close(descriptor: c_int) {
    // SAFETY: a descriptor that `pipe` made, and that is not used again (close(2)).
    unsafe { libc::close(descriptor) };
}
