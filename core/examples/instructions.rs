//! Seals or opens a session a given number of times, for callgrind to count.
//!
//! `instructions seal|open|open-other|bare-seal|bare-open CIPHER SIZE TIMES`. CIPHER may
//! also be the name of a certificate, or `key-set`; see `bench/instructions`. `open-other`
//! takes the tokens of sixteen processes in turn, more than have a context that is kept.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot go on stops"
)]

use std::hint::black_box;

use kit::{Bare, Kit};

#[path = "../benches/kit/mod.rs"]
mod kit;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, action, cipher, size, times] = arguments.as_slice() else {
        panic!("usage: instructions seal|open|open-other|bare-seal|bare-open CIPHER SIZE TIMES");
    };
    let (size, times): (usize, usize) = (size.parse().unwrap(), times.parse().unwrap());
    let (mut kit, mut bare) = (Kit::new(size, cipher), Bare::new(size, cipher));
    let (token, raw) = (kit.seal().to_owned(), bare.seal().to_vec());
    let others: Vec<Vec<u8>> = match action.as_str() {
        "open-other" => (0..16)
            .map(|_| Kit::new(size, cipher).seal().to_owned())
            .collect(),
        _ => vec![token.clone()],
    };
    for other in others.iter().cycle().take(times) {
        match action.as_str() {
            "seal" => black_box(kit.seal().len()),
            "open" => black_box(kit.open(&token).unwrap().len()),
            "open-other" => black_box(kit.open(other).unwrap().len()),
            "bare-seal" => black_box(bare.seal().len()),
            "bare-open" => black_box(bare.open(&raw).len()),
            other => panic!("no action {other}"),
        };
    }
}
