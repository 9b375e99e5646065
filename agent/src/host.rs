//! The process that an agent runs in.

use std::os::fd::BorrowedFd;
use std::time::{Duration, SystemTime};

use crate::trouble::Trouble;

/// The process that an agent runs in.
pub trait Host {
    /// Waits until a process has added a record, the socket has something to read, the
    /// agent is to end, or the time is over.
    fn wait(&mut self, socket: Option<BorrowedFd<'_>>, longest: Duration);

    /// Whether the agent is to end.
    fn is_to_end(&self) -> bool;

    /// Takes what an administrator may want to know.
    fn report(&mut self, event: &Event<'_>);
}

/// An event that an administrator may want to know of.
#[derive(Debug)]
pub enum Event<'e> {
    /// All news have arrived: those of the past were read, those of the future will come.
    Complete {
        /// The records that the store has.
        records: usize,
        /// How long news were missing, if a line has said that they were.
        after: Option<Duration>,
    },
    /// News are missing, and the agent goes on trying. Comes once a minute.
    Missing {
        /// The last moment when they were complete; `None` if they never were.
        since: Option<SystemTime>,
        /// The reason.
        trouble: &'e Trouble,
    },
    /// The store takes no records, and the agent goes on trying. Comes once a minute.
    Waiting {
        /// How many records wait.
        records: usize,
        /// The moment when the store refused the first of them.
        since: SystemTime,
        /// The reason.
        trouble: &'e Trouble,
    },
    /// The store takes records again.
    Taken {
        /// How long it took none.
        after: Duration,
    },
    /// The store has lost its records, and gets them again.
    Emptied {
        /// How many records this server gives back.
        records: usize,
    },
    /// A record from another server has made the table drop another one.
    Full,
}
