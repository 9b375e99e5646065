//! A socket whose reads and writes end at a deadline.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use crate::trouble::{Trouble, words};

/// A connected socket.
pub(crate) struct Socket {
    stream: TcpStream,
    /// The moment when reads and writes fail; `None` makes them fail at once where
    /// they would wait.
    deadline: Option<Instant>,
}

/// The most addresses of a host that are tried.
const MOST_ADDRESSES: usize = 4;

impl Socket {
    /// Connects to the first address of a host that accepts within `patience`. The search
    /// for addresses has the time-outs of the system's resolver.
    pub(crate) fn connect(host: &str, port: u16, patience: Duration) -> Result<Self, Trouble> {
        let addresses = (host, port)
            .to_socket_addrs()
            .map_err(|error| Trouble::NoAddress(words(&error)))?;
        let mut outcome = Err(Trouble::NoAddress("the name has none".to_owned()));
        for address in addresses.take(MOST_ADDRESSES) {
            outcome = TcpStream::connect_timeout(&address, patience)
                .map_err(|error| Trouble::Unreachable(words(&error)));
            if outcome.is_ok() {
                break;
            }
        }
        let stream = outcome?;
        // Small messages go out at once.
        stream
            .set_nodelay(true)
            .map_err(|error| Trouble::of_socket(&error))?;
        Ok(Self {
            stream,
            deadline: None,
        })
    }

    /// Sets the moment when reads and writes fail.
    pub(crate) fn wait_until(&mut self, deadline: Instant) -> io::Result<()> {
        self.deadline = Some(deadline);
        self.stream.set_nonblocking(false)
    }

    /// Makes reads and writes fail where they would wait.
    pub(crate) fn wait_never(&mut self) -> io::Result<()> {
        self.deadline = None;
        self.stream.set_nonblocking(true)
    }

    /// The time that is left; `None` where nothing waits.
    fn time_left(&self) -> io::Result<Option<Duration>> {
        let Some(deadline) = self.deadline else {
            return Ok(None);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        // A duration of zero would stand for no time-out at all.
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        Ok(Some(left))
    }
}

impl Read for Socket {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if let Some(left) = self.time_left()? {
            self.stream.set_read_timeout(Some(left))?;
        }
        self.stream.read(buffer)
    }
}

impl Write for Socket {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(left) = self.time_left()? {
            self.stream.set_write_timeout(Some(left))?;
        }
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}
