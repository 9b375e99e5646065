//! Processes share the table of ended sessions: none loses a record when another one is
//! killed, and none waits for one that is stopped.
#![expect(
    unsafe_code,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a test of processes forks them, and stops when it cannot go on"
)]

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::AtomicU64;

use session_crypto_core::{Added, Ends, LearnedFrom, Record, RecordId, RevocationTable};

const NOON: u64 = 1_800_000_000;

/// A table whose words are shared with the processes that are forked later.
fn shared(size: usize) -> RevocationTable {
    let words = RevocationTable::words(size);
    // SAFETY: mmap(2): a new mapping, which overlaps no other memory.
    let memory = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            words * size_of::<AtomicU64>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        )
    };
    assert_ne!(memory, libc::MAP_FAILED);
    // SAFETY: mmap(2): the mapping has this length, begins at a page, and its bytes are zero.
    // The mapping is never unmapped. Processes change the words only as atomic ones.
    let words = unsafe { std::slice::from_raw_parts(memory.cast::<AtomicU64>(), words) };
    RevocationTable::new(words)
}

/// A process that writes to the table until it is killed.
struct Child {
    pid: libc::pid_t,
    /// The numbers of the records that the table has answered for.
    answers: UnixStream,
}

impl Child {
    /// Forks a process that adds the records from this number on, and tells each number
    /// after the table has answered.
    fn start(table: &RevocationTable, from: u64) -> Self {
        let (answers, mut to_parent) = UnixStream::pair().unwrap();
        // SAFETY: fork(2): the child calls no function that takes a lock or allocates memory,
        // and ends without a return from here.
        let pid = unsafe { libc::fork() };
        assert_ne!(pid, -1);
        if pid == 0 {
            for number in from.. {
                let added = table.add(&record(number), LearnedFrom::Here, NOON);
                let is_told = to_parent.write_all(&number.to_ne_bytes()).is_ok();
                if added == Added::Evicted || !is_told {
                    break;
                }
            }
            // SAFETY: _exit(2) always is allowed.
            unsafe { libc::_exit(1) };
        }
        Self { pid, answers }
    }

    fn signal(&self, signal: libc::c_int) {
        // SAFETY: kill(2): the process is a child of this one that was not waited for.
        assert_eq!(unsafe { libc::kill(self.pid, signal) }, 0);
    }

    /// The next number that the table has answered for, unless the process has ended.
    fn next(&mut self) -> Option<u64> {
        let mut number = [0; 8];
        let read = self.answers.read_exact(&mut number);
        read.is_ok().then(|| u64::from_ne_bytes(number))
    }

    fn kill(&self) {
        self.signal(libc::SIGKILL);
        let mut status = 0;
        // SAFETY: waitpid(2): the process is a child of this one, and `status` outlives the
        // call.
        let ended = unsafe { libc::waitpid(self.pid, &raw mut status, 0) };
        assert_eq!(ended, self.pid);
        assert!(libc::WIFSIGNALED(status), "the child has ended by itself");
    }
}

/// A record whose times follow from its number, so that a mixture of two is seen. Each
/// number occurs twice, the second time with a later birth.
fn record(number: u64) -> Record {
    Record {
        id: RecordId::of_session(&u128::from(number / 2).to_be_bytes()),
        ends: Ends::Session,
        before: NOON + number,
        until: NOON + 1_000_000 + number,
    }
}

fn assert_found(table: &RevocationTable, number: u64) {
    let record = record(number);
    let found = table.ended_before(&record.id, NOON);
    assert!(found >= Some(record.before), "{number}: {found:?}");
}

#[test]
fn records_that_were_answered_for_outlive_their_process() {
    let table = shared(400_000);
    let mut answered = Vec::new();
    for round in 0..100_u64 {
        let from = round * 100_000;
        let mut children = [from, from + 50_000].map(|from| Child::start(&table, from));
        for child in &mut children {
            // The processes write while the answers are read.
            for _ in 0..round {
                let number = child.next().unwrap();
                assert_found(&table, number);
                answered.push(number);
            }
        }
        for child in &children {
            child.kill();
        }
        for child in &mut children {
            answered.extend(std::iter::from_fn(|| child.next()));
        }
    }
    assert!(answered.len() > 10_000, "{} answers", answered.len());
    for number in answered {
        assert_found(&table, number);
    }
    for found in table.records(NOON) {
        let number = found.before - NOON;
        assert_eq!(found.id, record(number).id);
        let until = found.until - NOON - 1_000_000;
        assert!(until == number || until + 1 == number);
    }
    assert_eq!(table.evictions(), 0);
}

#[test]
fn no_process_waits_for_one_that_is_stopped() {
    let table = shared(400_000);
    for round in 0..100_u64 {
        let from = round * 10_000;
        let mut stopped = Child::start(&table, from);
        let first = stopped.next().unwrap();
        stopped.signal(libc::SIGSTOP);
        // The same records, which the other process has written, or is writing.
        for number in from..from + 1000 {
            let added = table.add(&record(number), LearnedFrom::Here, NOON);
            assert_ne!(added, Added::Evicted);
            assert_found(&table, number);
        }
        stopped.signal(libc::SIGCONT);
        let mut last = first;
        while last < first + 20 {
            last = stopped.next().unwrap();
        }
        stopped.kill();
        for number in from..from + 1000 {
            assert_found(&table, number);
        }
    }
}
