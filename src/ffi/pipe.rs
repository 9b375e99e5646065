//! Waiting for a pipe, for a limited time.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Waits until a pipe has bytes to read, or its other end is closed; says whether
/// that came in time.
pub(crate) fn is_readable(pipe: BorrowedFd<'_>, milliseconds: i32) -> io::Result<bool> {
    let mut poll = libc::pollfd {
        fd: pipe.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    // SAFETY: one pollfd, whose descriptor is open while it is borrowed (poll(2)).
    match unsafe { libc::poll(&raw mut poll, 1, milliseconds) } {
        -1 => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            error => Err(error),
        },
        ready => Ok(ready > 0),
    }
}
