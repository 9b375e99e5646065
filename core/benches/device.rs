//! The cost of a proof: to read it, and to verify its signature.
//!
//! `cargo bench -p session-crypto-core --bench device`. A refresh takes both once, beside the
//! opening and the sealing of two tokens each.
#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

use std::fs;
use std::hint::black_box;
use std::path::Path;

use divan::Bencher;
use session_crypto_core::{DeviceKey, Proof};

fn main() {
    divan::main();
}

/// Vectors with a proof of a refresh.
const REFRESHES: [&str; 2] = ["p-256-refresh", "rsa-2048-refresh"];

/// Vectors with a proof of a registration.
const REGISTRATIONS: [&str; 2] = ["p-256-registration", "rsa-2048-registration"];

/// A line of a vector.
fn line(vector: &str, name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/device");
    let text = fs::read_to_string(folder.join(format!("{vector}.txt"))).unwrap();
    let mut lines = text.lines().filter_map(|line| line.split_once(": "));
    let line = lines.find(|(known, _)| *known == name);
    line.unwrap().1.to_owned()
}

#[divan::bench(args = REFRESHES)]
fn read_refresh(bencher: Bencher<'_, '_>, vector: &str) {
    let proof = line(vector, "proof");
    bencher.bench_local(|| black_box(Proof::of_refresh(proof.as_bytes()).is_ok()));
}

#[divan::bench(args = REGISTRATIONS)]
fn read_registration(bencher: Bencher<'_, '_>, vector: &str) {
    let proof = line(vector, "proof");
    bencher.bench_local(|| black_box(Proof::of_registration(proof.as_bytes()).is_ok()));
}

#[divan::bench(args = REFRESHES)]
fn verify(bencher: Bencher<'_, '_>, vector: &str) {
    let (proof, jwk) = (line(vector, "proof"), line(vector, "jwk"));
    let proof = Proof::of_refresh(proof.as_bytes()).unwrap();
    let key = DeviceKey::from_jwk(jwk.as_bytes()).unwrap();
    bencher.bench_local(|| proof.verify(&key).unwrap());
}

#[divan::bench(args = REFRESHES)]
fn thumbprint(bencher: Bencher<'_, '_>, vector: &str) {
    let key = DeviceKey::from_jwk(line(vector, "jwk").as_bytes()).unwrap();
    bencher.bench_local(|| black_box(key.thumbprint()));
}
