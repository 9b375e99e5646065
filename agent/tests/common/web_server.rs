//! A server of the farm: a table, and an agent in a thread.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use session_crypto_agent::{Address, Authorities, Event, Host, Settings, run};
use session_crypto_core::{Ends, LearnedFrom, Record, RecordId, RevocationTable};

use super::wait_until;

/// A server, whose agent ends with this value.
pub(crate) struct WebServer {
    pub(crate) table: Arc<RevocationTable>,
    url: String,
    authorities: Authorities,
    running: Option<Running>,
    lines: Arc<Mutex<Vec<String>>>,
}

struct Running {
    thread: JoinHandle<()>,
    bell: UnixStream,
    is_to_end: Arc<AtomicBool>,
}

struct TestHost {
    bell: UnixStream,
    is_to_end: Arc<AtomicBool>,
    lines: Arc<Mutex<Vec<String>>>,
}

impl WebServer {
    /// A server with an empty table of `size` records.
    pub(crate) fn with(size: usize, url: &str, authorities: Authorities) -> Self {
        let words = (0..RevocationTable::words(size)).map(|_| AtomicU64::new(0));
        let words: &'static [AtomicU64] = words.collect::<Vec<_>>().leak();
        let mut server = Self {
            table: Arc::new(RevocationTable::new(words)),
            url: url.to_owned(),
            authorities,
            running: None,
            lines: Arc::default(),
        };
        server.start_agent();
        server
    }

    pub(crate) fn new(url: &str) -> Self {
        Self::with(10_000, url, Authorities::default())
    }

    pub(crate) fn start_agent(&mut self) {
        let (bell, agents_bell) = UnixStream::pair().unwrap();
        bell.set_nonblocking(true).unwrap();
        agents_bell.set_nonblocking(true).unwrap();
        let is_to_end = Arc::new(AtomicBool::new(false));
        let mut host = TestHost {
            bell: agents_bell,
            is_to_end: is_to_end.clone(),
            lines: self.lines.clone(),
        };
        let settings = Settings {
            address: Address::parse(&self.url).unwrap(),
            authorities: self.authorities.clone(),
        };
        let table = self.table.clone();
        let thread = std::thread::spawn(move || run(&settings, &table, &mut host));
        self.running = Some(Running {
            thread,
            bell,
            is_to_end,
        });
    }

    pub(crate) fn end_agent(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        running.is_to_end.store(true, Ordering::SeqCst);
        ring(&running.bell);
        running.thread.join().unwrap();
    }

    /// Ends a session here, as a child does.
    pub(crate) fn revoke(&self, record: &Record) {
        let _ = self.table.add(record, LearnedFrom::Here, now());
        if let Some(running) = &self.running {
            ring(&running.bell);
        }
    }

    pub(crate) fn knows(&self, record: &Record) -> bool {
        self.table.ended_before(&record.id, now()) == Some(record.before)
    }

    pub(crate) fn know(&self, records: &[Record]) -> bool {
        records.iter().all(|record| self.knows(record))
    }

    /// Waits until the news were complete at a moment from now on.
    pub(crate) fn wait_for_news(&self) {
        let now = milliseconds();
        wait_until("news are complete", || self.table.last_heard() >= now);
    }

    /// Waits for an event whose text has some words, and returns the text.
    pub(crate) fn wait_for_line(&self, words: &str) -> String {
        let mut found = None;
        wait_until(words, || {
            found = self.lines().into_iter().find(|line| line.contains(words));
            found.is_some()
        });
        found.unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    pub(crate) fn forget_lines(&self) {
        self.lines.lock().unwrap().clear();
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        self.end_agent();
    }
}

impl Host for TestHost {
    fn wait(&mut self, socket: Option<BorrowedFd<'_>>, longest: Duration) {
        let poll = |descriptor| libc::pollfd {
            fd: descriptor,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut polls = vec![poll(self.bell.as_raw_fd())];
        polls.extend(socket.map(|socket| poll(socket.as_raw_fd())));
        let count = polls.len().try_into().unwrap();
        let milliseconds = longest.as_millis().try_into().unwrap();
        // SAFETY: as many descriptors as are counted, which are open (poll(2)).
        unsafe { libc::poll(polls.as_mut_ptr(), count, milliseconds) };
        let mut rings = [0; 64];
        while self.bell.read(&mut rings).is_ok_and(|count| count > 0) {}
    }

    fn is_to_end(&self) -> bool {
        self.is_to_end.load(Ordering::SeqCst)
    }

    fn report(&mut self, event: &Event<'_>) {
        let line = match event {
            Event::Missing { trouble, .. } | Event::Waiting { trouble, .. } => {
                format!("{event:?} {trouble}")
            }
            event => format!("{event:?}"),
        };
        self.lines.lock().unwrap().push(line);
    }
}

fn ring(mut bell: &UnixStream) {
    if let Err(error) = bell.write_all(&[1]) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
    }
}

/// A record that ends a new session.
pub(crate) fn record() -> Record {
    let mut name = [0; 16];
    openssl::rand::rand_bytes(&mut name).unwrap();
    Record {
        id: RecordId::of_session(&name),
        ends: Ends::Session,
        before: now() - 60,
        until: now() + 3600,
    }
}

pub(crate) fn records(count: usize) -> Vec<Record> {
    (0..count).map(|_| record()).collect()
}

pub(crate) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

pub(crate) fn milliseconds() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    now.as_millis().try_into().unwrap()
}
