//! The cost of sealing and opening, beside the cost of their primitives.
//!
//! `cargo bench -p session-crypto-core`. The `bare` rows are OpenSSL's calls on kept
//! contexts, and base64: the least that any implementation costs.
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

const CLASSIC: &str = "aes256";
const JWE: &str = "aes-256-gcm";

/// A JWK Set.
const KEY_SET: &str = "key-set";

// Certificates. The key of the hour is derived before the measurement, so the bare rows
// of JWE are the ones to compare with.
const RSA: &str = "rsa-2048";
const EC: &str = "p-256";

fn seal(bencher: Bencher<'_, '_>, size: usize, name: &str) {
    let mut kit = Kit::new(size, name);
    bencher.bench_local(|| black_box(kit.seal().len()));
}

fn open(bencher: Bencher<'_, '_>, size: usize, name: &str) {
    let mut kit = Kit::new(size, name);
    let token = kit.seal().to_owned();
    bencher.bench_local(|| black_box(kit.open(&token).unwrap().len()));
}

fn bare_seal(bencher: Bencher<'_, '_>, size: usize, cipher: &str) {
    let mut bare = Bare::new(size, cipher);
    bencher.bench_local(|| black_box(bare.seal().len()));
}

fn bare_open(bencher: Bencher<'_, '_>, size: usize, cipher: &str) {
    let mut bare = Bare::new(size, cipher);
    let token = bare.seal().to_vec();
    bencher.bench_local(|| black_box(bare.open(&token).len()));
}

#[divan::bench(args = SIZES)]
fn classic_seal(bencher: Bencher<'_, '_>, size: usize) {
    seal(bencher, size, CLASSIC);
}

#[divan::bench(args = SIZES)]
fn classic_open(bencher: Bencher<'_, '_>, size: usize) {
    open(bencher, size, CLASSIC);
}

#[divan::bench(args = SIZES)]
fn classic_bare_seal(bencher: Bencher<'_, '_>, size: usize) {
    bare_seal(bencher, size, CLASSIC);
}

#[divan::bench(args = SIZES)]
fn classic_bare_open(bencher: Bencher<'_, '_>, size: usize) {
    bare_open(bencher, size, CLASSIC);
}

#[divan::bench(args = SIZES)]
fn jwe_seal(bencher: Bencher<'_, '_>, size: usize) {
    seal(bencher, size, JWE);
}

#[divan::bench(args = SIZES)]
fn jwe_open(bencher: Bencher<'_, '_>, size: usize) {
    open(bencher, size, JWE);
}

#[divan::bench(args = SIZES)]
fn jwe_bare_seal(bencher: Bencher<'_, '_>, size: usize) {
    bare_seal(bencher, size, JWE);
}

#[divan::bench(args = SIZES)]
fn jwe_bare_open(bencher: Bencher<'_, '_>, size: usize) {
    bare_open(bencher, size, JWE);
}

#[divan::bench(args = SIZES)]
fn jwe_rsa_seal(bencher: Bencher<'_, '_>, size: usize) {
    seal(bencher, size, RSA);
}

#[divan::bench(args = SIZES)]
fn jwe_rsa_open(bencher: Bencher<'_, '_>, size: usize) {
    open(bencher, size, RSA);
}

#[divan::bench(args = SIZES)]
fn jwe_ec_seal(bencher: Bencher<'_, '_>, size: usize) {
    seal(bencher, size, EC);
}

#[divan::bench(args = SIZES)]
fn jwe_ec_open(bencher: Bencher<'_, '_>, size: usize) {
    open(bencher, size, EC);
}

#[divan::bench(args = SIZES)]
fn key_set_seal(bencher: Bencher<'_, '_>, size: usize) {
    seal(bencher, size, KEY_SET);
}

#[divan::bench(args = SIZES)]
fn key_set_open(bencher: Bencher<'_, '_>, size: usize) {
    open(bencher, size, KEY_SET);
}

/// The tokens of sixteen processes in turn, more than have a context that is kept.
#[divan::bench(args = SIZES)]
fn key_set_open_other(bencher: Bencher<'_, '_>, size: usize) {
    let mut kit = Kit::new(size, KEY_SET);
    let tokens: Vec<_> = (0..16)
        .map(|_| Kit::new(size, KEY_SET).seal().to_owned())
        .collect();
    let mut tokens = tokens.iter().cycle();
    bencher.bench_local(|| black_box(kit.open(tokens.next().unwrap()).unwrap().len()));
}

/// The id of a user, which opening takes as well once sessions of any user were ended.
#[divan::bench(args = [CLASSIC, JWE, EC])]
fn user_id(bencher: Bencher<'_, '_>, name: &str) {
    let mut kit = Kit::new(200, name);
    let token = kit.seal().to_owned();
    let key = kit.opening_key(&token);
    kit.user_id(key);
    bencher.bench_local(|| black_box(kit.user_id(key)));
}
