//! A process beside those that answer requests.
//!
//! The parent forks it when a configuration comes into force, and again when it dies. It
//! goes on while the next configuration is read, so that no news are missed, and makes
//! room for that configuration's agent.

use std::cell::{Cell, RefCell, UnsafeCell};
use std::ffi::{c_int, c_void};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use libc::pid_t;

use super::bindings::{self, apr_proc_t, server_rec};
use super::ending::{Ending, at_end};
use super::guard::{NOT_DONE, guard};
use super::kept_table::{self, KeptTable};
use super::log::{self, Level, MainServer};
use super::pipe;
use super::pool::Pool;
use super::run_mode::is_stopping;
use crate::message::{Code, Message};

/// No process for the agent can be had.
const NO_PROCESS: Code = Code("SC0517");

/// The agent has died.
const DIED: Code = Code("SC0613");

/// The work of the process, which goes on until [`AgentProcess::is_to_end`].
pub(crate) type Work = Box<dyn Fn(&AgentProcess<'_>) + Send + Sync>;

/// An agent, as the parent knows it; part of a configuration.
pub(crate) struct Agent {
    /// httpd looks here for the number of the process.
    process: UnsafeCell<apr_proc_t>,
    server: *const server_rec,
    work: Work,
    table: KeptTable,
    started: Cell<Instant>,
    /// The agent writes a byte into the other end when it is ready, and closes it when it
    /// ends.
    pipe: RefCell<Option<OwnedFd>>,
}

// SAFETY: only the parent uses the value, from its one thread, and so does each process
// that it forks.
unsafe impl Send for Agent {}
// SAFETY: as above.
unsafe impl Sync for Agent {}

/// The agent, as its own process knows it.
pub(crate) struct AgentProcess<'a> {
    server: MainServer<'a>,
    table: KeptTable,
    parent: pid_t,
    pipe: RefCell<Option<std::fs::File>>,
}

/// An agent that lives shorter has failed, and the next one waits as long.
const SHORT_LIFE: Duration = Duration::from_secs(5);

/// Seconds without a configuration after which an agent ends: the next configuration may
/// be one without this module.
const MOST_LEADERLESS: u64 = 120;

/// The patience of a server that stops with its agent.
const PATIENCE: Duration = Duration::from_secs(1);

/// Starts an agent for the configuration in force.
///
/// # Errors
///
/// No process can be had.
pub(crate) fn start<'s>(
    server: MainServer<'s>,
    table: KeptTable,
    work: Work,
) -> Result<&'s Agent, Message> {
    let pool =
        Pool::of_configuration(server).ok_or_else(|| NOT_DONE.says("httpd passed no pool"))?;
    let agent = pool.store(Agent {
        // SAFETY: numbers and pointers, of which zeros are values.
        process: unsafe { std::mem::zeroed() },
        server: server.as_ptr(),
        work,
        table,
        started: Cell::new(Instant::now()),
        pipe: RefCell::new(None),
    });
    table.signals.end.store(0, Ordering::Release);
    table.signals.leaderless.store(0, Ordering::Release);
    at_end(server, Box::new(move |ending| let_go(table, ending)));
    agent
        .fork(Duration::ZERO)
        .map_err(|error| no_process(&error))?;
    Ok(agent)
}

/// Kills the agent of the configuration before this one. What it had to send is in the
/// table.
pub(crate) fn end_former() {
    let process = kept_table::agent();
    kept_table::set_agent(0);
    // A process that is no child any more may have another's number.
    if process > 0 && has_ended(process) == Some(false) {
        kill(process);
    }
}

fn no_process(error: &io::Error) -> Message {
    NO_PROCESS.says(format!(
        "no process for the agent of SessionCryptoRevocation can be had ({error})"
    ))
}

impl Agent {
    /// Forks the process, which waits for some time before it begins.
    fn fork(&self, delay: Duration) -> io::Result<()> {
        let (read, write) = pipe::new()?;
        // SAFETY: the call takes no arguments (getpid(2)).
        let parent = unsafe { libc::getpid() };
        // SAFETY: this process has one thread, so no lock stays locked in the other one
        // (fork(2)).
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => {
                drop(read);
                guard("the agent", (), || self.run(parent, write, delay));
                // The functions of `exit` would end processes of the parent's.
                // SAFETY: the call does not return (_exit(2)).
                unsafe { libc::_exit(0) }
            }
            child => {
                leave_group(child);
                self.pipe.replace(Some(read));
                self.started.set(Instant::now());
                kept_table::set_agent(child);
                self.register(child);
                Ok(())
            }
        }
    }

    /// Tells httpd to call [`changed`] when the process dies.
    fn register(&self, child: pid_t) {
        let process = self.process.get();
        // SAFETY: the pool has the value, which nobody else uses now.
        unsafe { (*process).pid = child };
        let data = ptr::from_ref(self).cast_mut().cast::<c_void>();
        // SAFETY: the caller of `start` has a server of the configuration in force.
        let Some(pool) =
            (unsafe { MainServer::from_raw(self.server) }).and_then(Pool::of_configuration)
        else {
            return;
        };
        // SAFETY: the process and the data are in this pool, whose cleanups take the
        // registration back before they are dropped (apr_thread_proc.h).
        unsafe {
            bindings::apr_proc_other_child_register(
                process,
                Some(changed),
                data,
                ptr::null_mut(),
                pool.as_ptr(),
            );
        }
    }

    /// The life of the process.
    fn run(&self, parent: pid_t, pipe: OwnedFd, delay: Duration) {
        be_independent();
        // SAFETY: the call closes this process's copies (ap_listen.h).
        unsafe { bindings::ap_close_listeners() };
        // SAFETY: the fork has a copy of the configuration in force.
        let Some(server) = (unsafe { MainServer::from_raw(self.server) }) else {
            return;
        };
        let Some(pool) = Pool::of_configuration(server) else {
            return;
        };
        // SAFETY: a pool and a server of the configuration in force (mpm_common.h). The
        // hook says in the log why it fails.
        let failed =
            unsafe { bindings::ap_run_drop_privileges(pool.as_ptr(), server.as_ptr().cast_mut()) };
        if failed != 0 {
            return;
        }
        // A change of the user takes this back, so it comes after (prctl(2)).
        #[cfg(target_os = "linux")]
        // SAFETY: the call sets a number of this process.
        unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL)
        };
        let process = AgentProcess {
            server,
            table: self.table,
            parent,
            pipe: RefCell::new(Some(pipe.into())),
        };
        std::thread::sleep(delay);
        if !process.is_to_end() {
            (self.work)(&process);
        }
    }

    /// Waits until the agent is ready, or has died, or the time is over.
    pub(crate) fn wait_until_ready(&self, longest: Duration) {
        let start = Instant::now();
        let pipe = self.pipe.borrow();
        let Some(pipe) = pipe.as_ref() else {
            return;
        };
        loop {
            let left = longest.saturating_sub(start.elapsed());
            let milliseconds = i32::try_from(left.as_millis()).unwrap_or(i32::MAX);
            let is_over = pipe::is_readable(pipe.as_fd(), milliseconds).unwrap_or(true);
            if is_over || left.is_zero() {
                return;
            }
        }
    }
}

/// Lets go of the agent of a configuration that ends.
fn let_go(table: KeptTable, ending: Ending) {
    match ending {
        // The next configuration has its own, until when this one goes on.
        Ending::Restart => table.signals.leaderless.store(now(), Ordering::Release),
        Ending::Stop => end(table),
    }
}

/// Lets the agent send what is in the table, and ends it.
fn end(table: KeptTable) {
    let process = kept_table::agent();
    kept_table::set_agent(0);
    if process == 0 {
        return;
    }
    table.signals.end.store(1, Ordering::Release);
    table.bell.ring();
    let start = Instant::now();
    while has_ended(process) == Some(false) {
        if start.elapsed() >= PATIENCE {
            return kill(process);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Learns of a change of the process (apr_thread_proc.h).
unsafe extern "C" fn changed(reason: c_int, data: *mut c_void, _status: c_int) {
    guard("the watch over the agent", (), || {
        if !matches!(
            reason,
            bindings::APR_OC_REASON_DEATH | bindings::APR_OC_REASON_LOST
        ) {
            return;
        }
        // SAFETY: `register` has passed an Agent, which is in the pool until after the
        // registration is taken back.
        let Some(agent) = (unsafe { data.cast::<Agent>().as_ref() }) else {
            return;
        };
        // SAFETY: data of a registration in force; the call calls this function with
        // another reason.
        unsafe { bindings::apr_proc_other_child_unregister(data) };
        kept_table::set_agent(0);
        if !is_stopping() {
            agent.start_again();
        }
    });
}

impl Agent {
    fn start_again(&self) {
        // SAFETY: httpd calls this for a configuration in force.
        let Some(server) = (unsafe { MainServer::from_raw(self.server) }) else {
            return;
        };
        let died =
            DIED.says("the agent of SessionCryptoRevocation has died, and another one begins");
        log::main(server, Level::Error, &died);
        let delay = if self.started.get().elapsed() < SHORT_LIFE {
            SHORT_LIFE
        } else {
            Duration::ZERO
        };
        if let Err(error) = self.fork(delay) {
            log::main(server, Level::Error, &no_process(&error));
        }
    }
}

impl AgentProcess<'_> {
    /// Waits for the bell, until a socket has something to read, or until the time is
    /// over.
    pub(crate) fn wait(&self, socket: Option<BorrowedFd<'_>>, longest: Duration) {
        // A wait of less than a millisecond is one, too.
        let milliseconds = longest.as_nanos().div_ceil(1_000_000);
        let milliseconds = i32::try_from(milliseconds).unwrap_or(i32::MAX);
        self.table.bell.wait(socket, milliseconds);
    }

    /// Whether the process is to end.
    pub(crate) fn is_to_end(&self) -> bool {
        let leaderless = self.table.signals.leaderless.load(Ordering::Acquire);
        // SAFETY: the call takes no arguments (getppid(2)).
        let parent = unsafe { libc::getppid() };
        self.table.signals.end.load(Ordering::Acquire) != 0
            || parent != self.parent
            || (leaderless != 0 && now().saturating_sub(leaderless) > MOST_LEADERLESS)
    }

    /// Tells the parent that the agent is ready.
    pub(crate) fn is_ready(&self) {
        if let Some(mut pipe) = self.pipe.take() {
            // A parent that does not listen does not wait, either.
            let _ = pipe.write(b".").is_ok();
        }
    }

    /// Writes a line to the log.
    pub(crate) fn log(&self, level: Level, message: &Message) {
        log::main(self.server, level, message);
    }
}

/// Gives a process, or this one for 0, a group of its own: signals to all processes of
/// httpd do not reach it. Both sides of a fork do so, and neither waits for the other.
fn leave_group(process: pid_t) {
    // SAFETY: the call concerns a child of this process, or this process (setpgid(2)).
    unsafe { libc::setpgid(process, process) };
}

/// Takes signals as a new program does. The process ends when its parent says so.
fn be_independent() {
    leave_group(0);
    for signal in [
        libc::SIGHUP,
        libc::SIGINT,
        libc::SIGQUIT,
        libc::SIGTERM,
        libc::SIGUSR1,
        libc::SIGUSR2,
        libc::SIGWINCH,
        libc::SIGALRM,
        libc::SIGCHLD,
        libc::SIGXCPU,
        libc::SIGXFSZ,
        libc::SIGSEGV,
        libc::SIGBUS,
        libc::SIGABRT,
        libc::SIGILL,
        libc::SIGFPE,
    ] {
        // SAFETY: the default disposition of a signal (signal(2)).
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
    // SAFETY: as above; a broken connection is an error of the call that finds it.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
}

/// Whether a child has ended, and takes note of it if so; `None` if the process is no
/// child.
fn has_ended(process: pid_t) -> Option<bool> {
    // SAFETY: the call writes no status, and does not wait (waitpid(2)).
    match unsafe { libc::waitpid(process, ptr::null_mut(), libc::WNOHANG) } {
        0 => Some(false),
        -1 => None,
        _ => Some(true),
    }
}

/// Kills a child, and waits for its end, which is near.
fn kill(process: pid_t) {
    // SAFETY: a child that nobody has waited for (kill(2)).
    unsafe { libc::kill(process, libc::SIGKILL) };
    // SAFETY: as above (waitpid(2)).
    unsafe { libc::waitpid(process, ptr::null_mut(), 0) };
}

/// The time now, in Unix seconds.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
