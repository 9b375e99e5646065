//! The file that keeps the list of ended sessions.
//!
//! A file that is taken has the title, one record a line and the right sum. Unless a record
//! was dropped for want of room, all end what they say, and the file that is written of them
//! gives the same list. As many as two buckets hold find room whatever their ids are; real ids
//! are random, and those of an input may all belong to the same two. A file that is refused
//! adds no record. The target also reads the input as lines between a title and a right sum.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

use session_crypto_core::{Ends, Record, RecordId, RevocationTable};

use crate::oracle::peer;
use crate::oracle::section::NOW;

const SIZE: usize = 64;

/// Records that find room, if none of them is there already.
const SURE: usize = 16;

static TABLES: LazyLock<[Table; 2]> = LazyLock::new(|| [Table::new(), Table::new()]);

/// A table that is emptied before each use.
struct Table(&'static [AtomicU64]);

impl Table {
    fn new() -> Self {
        let words = (0..RevocationTable::words(SIZE)).map(|_| AtomicU64::new(0));
        Self(Vec::leak(words.collect()))
    }

    fn empty(&self) -> RevocationTable {
        for word in self.0 {
            word.store(0, Ordering::Relaxed);
        }
        RevocationTable::new(self.0)
    }
}

/// Reads the file, and the lines.
pub fn run(text: &[u8]) {
    read(text);
    let lines = text.iter().filter(|byte| **byte == b'\n').count();
    let mut file = b"mod_session_crypto ended sessions 1\n".to_vec();
    file.extend_from_slice(text);
    let end = end(&file, lines);
    file.extend_from_slice(end.as_bytes());
    read(&file);
}

/// The last line of a file.
fn end(text: &[u8], records: usize) -> String {
    let digits = peer::sha256(text).into_iter();
    let digits: String = digits.map(|byte| format!("{byte:02x}")).collect();
    format!("end {records} {digits}\n")
}

fn read(file: &[u8]) {
    let [table, other] = &*TABLES;
    let table = table.empty();
    let Ok(count) = table.read_from(file, NOW.seconds) else {
        assert_eq!(table.records(NOW.seconds).count(), 0);
        return;
    };
    let text = std::str::from_utf8(file).unwrap();
    let lines: Vec<_> = text.split_terminator('\n').collect();
    assert_eq!(lines.len() as u64, count + 2);
    let last = text.len() - lines[lines.len() - 1].len() - 1;
    assert_eq!(text[last..], end(&file[..last], lines.len() - 2));
    let records: Vec<_> = lines[1..lines.len() - 1]
        .iter()
        .map(|line| record(line))
        .collect();
    let living = || records.iter().filter(|record| record.until >= NOW.seconds);
    let ids: BTreeSet<_> = living().map(|record| &record.id).collect();
    assert!(ids.len() > SURE || table.evictions() == 0);
    if table.evictions() == 0 {
        for record in living() {
            let before = table.ended_before(&record.id, NOW.seconds);
            assert!(before >= Some(record.before.min(Record::MAX_TIME)));
        }
    }
    let mut written = Vec::new();
    table.write_to(&mut written, NOW.seconds).unwrap();
    let again = other.empty();
    again.read_from(written.as_slice(), NOW.seconds).unwrap();
    let sorted = |table: &RevocationTable| {
        let mut records: Vec<_> = table.records(NOW.seconds).collect();
        records.sort_unstable();
        records.dedup();
        records
    };
    let (first, second) = (sorted(&table), sorted(&again));
    assert!(ids.len() > SURE || again.evictions() == 0);
    assert!(again.evictions() > 0 || first == second);
}

/// The record of a line that was taken.
fn record(line: &str) -> Record {
    let words: Vec<_> = line.split(' ').collect();
    let [id, ends, before, until, sent] = words[..] else {
        panic!("a line of other words");
    };
    assert!(["sent", "unsent"].contains(&sent));
    Record {
        id: id.parse::<RecordId>().unwrap(),
        ends: match ends {
            "session" => Ends::Session,
            "user" => Ends::User,
            _ => panic!("a line ends neither a session nor a user"),
        },
        before: before.parse().unwrap(),
        until: until.parse().unwrap(),
    }
}

/// Lines, and a whole file.
pub fn seeds() -> Vec<Vec<u8>> {
    let lines = "66687aadf862bd776c8fc18b8e9f8e20 session 1800000000 1802592000 sent\n\
        0f1e2d3c4b5a69788796a5b4c3d2e1f0 user 1800000100 1802592100 unsent\n";
    let table = RevocationTable::alone(SIZE);
    let mut file = Vec::new();
    for line in lines.lines() {
        let _ = table.add(
            &record(line),
            session_crypto_core::LearnedFrom::Here,
            NOW.seconds,
        );
    }
    table.write_to(&mut file, NOW.seconds).unwrap();
    vec![lines.as_bytes().to_vec(), Vec::new(), file]
}
