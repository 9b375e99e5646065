//! The cost of a look-up in the table of ended sessions, which each request pays.
//!
//! `cargo bench -p session-crypto-core --bench revocation`. The ids of a row are more than
//! a processor's caches keep, so that each look-up waits for memory as a server's does.

use std::hint::black_box;

use divan::Bencher;
use session_crypto_core::{Ends, LearnedFrom, Record, RecordId, RevocationTable, UnsentReader};

const NOON: u64 = 1_800_000_000;
const SIZES: [u64; 3] = [1000, 100_000, 1_000_000];

/// Records of a file.
const FILES: [u64; 2] = [1000, 100_000];

fn main() {
    divan::main();
}

fn id(number: u64) -> RecordId {
    RecordId::of_session(&u128::from(number).to_be_bytes())
}

fn record(number: u64) -> Record {
    Record {
        id: id(number),
        ends: Ends::Session,
        before: NOON,
        until: NOON + 1_000_000,
    }
}

/// A table that is full as its size says.
fn full(size: u64) -> RevocationTable {
    let table = RevocationTable::alone(usize::try_from(size).unwrap_or_default());
    for number in 0..size {
        let _ = table.add(&record(number), LearnedFrom::Elsewhere, NOON);
    }
    table
}

fn look_up(bencher: Bencher<'_, '_>, table: &RevocationTable, ids: &[RecordId]) {
    let mut ids = ids.iter().cycle();
    bencher.bench_local(|| {
        let id = ids.next().copied().unwrap_or_else(|| id(0));
        black_box(table.ended_before(&id, NOON))
    });
}

/// A session that is not ended, as nearly all are.
#[divan::bench(args = SIZES)]
fn look_up_absent(bencher: Bencher<'_, '_>, size: u64) {
    let ids: Vec<_> = (size..size.saturating_mul(2)).map(id).collect();
    look_up(bencher, &full(size), &ids);
}

#[divan::bench(args = SIZES)]
fn look_up_present(bencher: Bencher<'_, '_>, size: u64) {
    let ids: Vec<_> = (0..size).map(id).collect();
    look_up(bencher, &full(size), &ids);
}

/// The id of a session, which a look-up needs.
#[divan::bench]
fn id_of_session() -> RecordId {
    id(black_box(1))
}

/// A logout.
#[divan::bench(args = SIZES)]
fn add(bencher: Bencher<'_, '_>, size: u64) {
    let table = full(size);
    let mut now = NOON;
    bencher.bench_local(|| {
        now = now.saturating_add(1);
        let record = Record {
            until: now,
            ..record(now)
        };
        table.add(&record, LearnedFrom::Here, now)
    });
}

/// An agent that finds no record to send.
#[divan::bench]
fn no_unsent(bencher: Bencher<'_, '_>) {
    let table = full(100_000);
    let mut reader = UnsentReader::new();
    let _ = table.unsent(&mut reader, NOON);
    bencher.bench_local(|| table.unsent(&mut reader, NOON).len());
}

/// An agent that looks at all records.
#[divan::bench(args = SIZES)]
fn scan_for_unsent(bencher: Bencher<'_, '_>, size: u64) {
    let table = full(size);
    bencher.bench_local(|| table.unsent(&mut UnsentReader::new(), NOON).len());
}

/// The file of a full table.
fn file(table: &RevocationTable) -> Vec<u8> {
    let mut file = Vec::new();
    let _ = table.write_to(&mut file, NOON);
    file
}

#[divan::bench(args = FILES)]
fn write_file(bencher: Bencher<'_, '_>, size: u64) {
    let table = full(size);
    bencher.bench_local(|| file(&table).len());
}

#[divan::bench(args = FILES)]
fn read_file(bencher: Bencher<'_, '_>, size: u64) {
    let (table, file) = (full(size), file(&full(size)));
    bencher.bench_local(|| table.read_from(file.as_slice(), NOON).is_ok());
}
