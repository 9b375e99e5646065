//! Tells when the last process of a former configuration has ended.
//!
//! After a graceful restart, children of the former configuration still answer
//! on connections that they keep. All processes of a configuration inherit the
//! write end of a pipe, and never write. Once the parent has closed its own copy,
//! the read end reports the end of the file when the last of them is gone.

use std::ffi::{CStr, c_int, c_short};
use std::ptr::NonNull;

use super::bindings::{self, apr_time_t};

/// The record that the parent keeps from one configuration to the next, also across
/// builds of this module: a new layout takes a new [`NAME`].
#[repr(C)]
#[derive(Clone, Copy)]
struct Generations {
    /// When the configuration in force was read.
    since: apr_time_t,
    /// The pipe of the configuration in force: its read end and its write end.
    current: [c_int; 2],
    /// The read ends of the configurations before.
    former: [c_int; MAX_FORMER],
    /// Non-zero if the last of them has not been told of.
    is_waiting: c_int,
}

/// Stands for no descriptor.
const NONE: c_int = -1;

const NAME: &CStr = c"mod_session_crypto generations 1";

/// Configurations that may have processes left. With more, one pipe serves
/// several, and its end comes with that of the last of these.
const MAX_FORMER: usize = 64;

/// Lets go of the pipe of the configuration that ends: before anybody forks for
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
    // SAFETY: a query without arguments.
    generations.since = unsafe { bindings::apr_time_now() };
    if generations.current == [NONE; 2] {
        generations.current = pipe();
    }
}

/// Looks whether the last process of all former configurations has ended since
/// this was asked before; if so, since when the one in force is.
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
    Some(date(generations.since))
}

/// The one value, made when it is first asked for. Only the parent asks, from its
/// one thread, and no call here asks twice.
fn generations() -> Option<&'static mut Generations> {
    // SAFETY: a C string; the answer is NULL or what was made below.
    let known = unsafe { bindings::ap_retained_data_get(NAME.as_ptr()) };
    let known: *mut Generations = known.cast();
    // SAFETY: of this layout wherever it has this name, and nobody else refers to
    // it now.
    if let Some(known) = unsafe { known.as_mut() } {
        return Some(known);
    }
    // SAFETY: a C string; httpd ends the process if there is no memory.
    let place =
        unsafe { bindings::ap_retained_data_create(NAME.as_ptr(), size_of::<Generations>()) };
    let place: NonNull<Generations> = NonNull::new(place)?.cast();
    let none = Generations {
        since: 0,
        current: [NONE; 2],
        former: [NONE; MAX_FORMER],
        is_waiting: 0,
    };
    // SAFETY: as many bytes, ours alone, in a pool that aligns to 8.
    unsafe { place.write(none) };
    // SAFETY: just written, and it lives as long as the process.
    Some(unsafe { &mut *place.as_ptr() })
}

/// A pipe that no program inherits.
fn pipe() -> [c_int; 2] {
    let mut ends = [NONE; 2];
    // SAFETY: room for two descriptors (pipe2(2)).
    let made = unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) };
    if made == 0 { ends } else { [NONE; 2] }
}

/// Whether nobody has the other end of a pipe any more.
fn is_at_end(read: c_int) -> bool {
    const END: c_short = libc::POLLHUP | libc::POLLERR | libc::POLLNVAL;
    let mut poll = libc::pollfd {
        fd: read,
        events: 0,
        revents: 0,
    };
    // SAFETY: one pollfd, of a descriptor of ours (poll(2)).
    let ready = unsafe { libc::poll(&raw mut poll, 1, 0) };
    ready == 1 && poll.revents & END != 0
}

fn close(descriptor: c_int) {
    // SAFETY: a descriptor of ours, and not used again (close(2)).
    unsafe { libc::close(descriptor) };
}

/// A time as the error log writes it.
fn date(time: apr_time_t) -> String {
    // APR_CTIME_LEN of apr_time.h.
    let mut text = [0_u8; 25];
    // SAFETY: room for a date and its NUL.
    unsafe { bindings::apr_ctime(text.as_mut_ptr().cast(), time) };
    CStr::from_bytes_until_nul(&text)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
