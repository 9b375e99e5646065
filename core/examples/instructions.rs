//! Seals or opens a session a given number of times, for callgrind to count.
//!
//! `instructions seal|open|open-other|open-bound|bare-seal|bare-open CIPHER SIZE TIMES`. CIPHER may
//! also be the name of a certificate, or `key-set`; see `bench/instructions`. `open-other`
//! takes the tokens of sixteen processes in turn, more than have a context that is kept.
//! `open-bound` opens the bound cookie of a device and judges its session; SIZE is not used.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a measurement that cannot go on stops"
)]

use std::hint::black_box;

use kit::{Bare, Kit};
use session_crypto_core::{
    BoundCookie, DeviceJudgement, DeviceKey, DeviceMode, ProvedAt, SessionEntry, judge,
};

#[path = "../benches/kit/mod.rs"]
mod kit;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, action, cipher, size, times] = arguments.as_slice() else {
        panic!(
            "usage: instructions seal|open|open-other|open-bound|bare-seal|bare-open CIPHER SIZE TIMES"
        );
    };
    let (size, times): (usize, usize) = (size.parse().unwrap(), times.parse().unwrap());
    let (mut kit, mut bare) = (Kit::new(size, cipher), Bare::new(size, cipher));
    let (session, cookie) = bound();
    if action == "open-bound" {
        kit = Kit::of(cookie.text().into_bytes(), cipher);
    }
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
            "open-bound" => {
                let cookie = BoundCookie::read(kit.open(other).unwrap()).unwrap();
                let judged = judge(&session, &[cookie], 1_800_000_000, DeviceMode::Enforce);
                black_box(usize::from(judged == DeviceJudgement::Bound))
            }
            "bare-seal" => black_box(bare.seal().len()),
            "bare-open" => black_box(bare.open(&raw).len()),
            other => panic!("no action {other}"),
        };
    }
}

/// A session that is bound to a device, and its bound cookie.
fn bound() -> (SessionEntry, BoundCookie) {
    // The key of RFC 7515, appendix A.3.
    let jwk = br#"{"kty":"EC","crv":"P-256",
        "x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;
    let device = DeviceKey::from_jwk(jwk).unwrap().device();
    let session = SessionEntry::parse(b"1800000000.-_v7-_v7-_v7-_v7-_v7-w").unwrap();
    let cookie = BoundCookie {
        session,
        device,
        ends: 1_800_000_600,
        step: ProvedAt::Refresh,
    };
    (session.bound_to(device), cookie)
}
