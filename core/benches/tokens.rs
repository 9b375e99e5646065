//! What sealing and opening cost beside what their primitives cost.
//!
//! `cargo bench -p session-crypto-core`. The `bare` rows are OpenSSL's calls on
//! contexts that are kept, and base64: nobody can do with less.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::hint::black_box;

use divan::Bencher;
use kit::{Bare, Kit};

#[path = "kit/mod.rs"]
mod kit;

const SIZES: [usize; 4] = [64, 200, 1000, 3000];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn seal(bencher: Bencher<'_, '_>, size: usize) {
    let mut kit = Kit::new(size);
    bencher.bench_local(|| black_box(kit.seal().count_bytes()));
}

#[divan::bench(args = SIZES)]
fn open(bencher: Bencher<'_, '_>, size: usize) {
    let mut kit = Kit::new(size);
    let token = kit.seal().to_owned();
    bencher.bench_local(|| black_box(kit.open(token.to_bytes()).unwrap().len()));
}

#[divan::bench(args = SIZES)]
fn bare_seal(bencher: Bencher<'_, '_>, size: usize) {
    let mut bare = Bare::new(size);
    bencher.bench_local(|| black_box(bare.seal().len()));
}

#[divan::bench(args = SIZES)]
fn bare_open(bencher: Bencher<'_, '_>, size: usize) {
    let mut bare = Bare::new(size);
    let token = bare.seal().to_vec();
    bencher.bench_local(|| black_box(bare.open(&token).len()));
}
