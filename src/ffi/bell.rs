//! The bell by which processes wake the agent.

use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

/// A counter of the kernel's, which children of all configurations share (eventfd(2)).
///
/// It stays open until the parent exits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bell(RawFd);

impl Bell {
    /// Makes a bell that no program inherits.
    pub(super) fn new() -> std::io::Result<Self> {
        // SAFETY: the call takes two numbers (eventfd(2)).
        let made = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) };
        if made < 0 {
            return Err(std::io::Error::last_os_error());
        }
        Ok(Self(made))
    }

    /// The bell of an earlier configuration.
    pub(super) fn of(descriptor: RawFd) -> Self {
        Self(descriptor)
    }

    pub(super) fn descriptor(self) -> RawFd {
        self.0
    }

    /// Wakes the agent.
    pub(crate) fn ring(self) {
        let one = 1_u64;
        // A counter at its end wakes as well.
        // SAFETY: the eight bytes of a number (eventfd(2)).
        unsafe { libc::write(self.0, (&raw const one).cast(), size_of::<u64>()) };
    }

    /// Waits for the bell, or until a socket has something to read, for so many
    /// milliseconds at most.
    pub(crate) fn wait(self, socket: Option<BorrowedFd<'_>>, milliseconds: i32) {
        let poll = |descriptor| libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        // A negative descriptor is skipped (poll(2)).
        let socket = socket.map_or(-1, |socket| socket.as_raw_fd());
        let mut polls = [poll(self.0), poll(socket)];
        // SAFETY: two descriptors, which are open or skipped (poll(2)).
        unsafe { libc::poll(polls.as_mut_ptr(), 2, milliseconds) };
        let mut count = 0_u64;
        // SAFETY: room for the eight bytes of a number; the call does not wait.
        unsafe { libc::read(self.0, (&raw mut count).cast(), size_of::<u64>()) };
    }
}
