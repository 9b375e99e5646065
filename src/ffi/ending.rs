//! The end of a configuration.

use libc::pid_t;

use super::guard::guard;
use super::log::MainServer;
use super::pool::Pool;
use super::run_mode::is_exiting;

/// The way in which a configuration ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The parent reads the next one.
    Restart,
    /// The parent exits.
    Stop,
}

/// The work for the end of a configuration.
struct AtEnd {
    parent: pid_t,
    work: Box<dyn Fn(Ending) + Send + Sync>,
}

/// Has the parent do some work when the configuration in force ends. What was registered
/// last comes first.
///
/// A child clears its copy of the configuration's pool as it exits (`atexit(apr_terminate)`
/// in server/main.c), and does not do the work.
pub(crate) fn at_end(server: MainServer<'_>, work: Box<dyn Fn(Ending) + Send + Sync>) {
    if let Some(pool) = Pool::of_configuration(server) {
        pool.store(AtEnd {
            parent: process(),
            work,
        });
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        if process() != self.parent {
            return;
        }
        let ending = if is_exiting() {
            Ending::Stop
        } else {
            Ending::Restart
        };
        guard("the end of a configuration", (), || (self.work)(ending));
    }
}

fn process() -> pid_t {
    // SAFETY: the call takes no arguments (getpid(2)).
    unsafe { libc::getpid() }
}
