//! A million seals in two processes, and no nonce twice.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::HashSet;
use std::process::Command;

use base64_simd::URL_SAFE_NO_PAD;
use common::Section;

mod common;

const EACH: usize = 500_000;

/// Tells a process that it is one of the two, and where to write.
const OUTPUT: &str = "SESSION_CRYPTO_NONCES";

#[test]
fn a_million_seals_have_a_million_nonces() {
    if let Some(path) = std::env::var_os(OUTPUT) {
        std::fs::write(path, nonces()).unwrap();
        return;
    }
    let folder = std::env::temp_dir();
    let paths = ["a", "b"].map(|name| folder.join(format!("nonces-{}-{name}", std::process::id())));
    let children = paths.clone().map(|path| {
        let test = std::env::current_exe().unwrap();
        Command::new(test).env(OUTPUT, path).spawn().unwrap()
    });
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let mut seen = HashSet::with_capacity(2 * EACH);
    for path in paths {
        let nonces = std::fs::read(&path).unwrap();
        std::fs::remove_file(path).unwrap();
        assert_eq!(nonces.len(), 12 * EACH);
        for nonce in nonces.chunks_exact(12) {
            assert!(seen.insert(<[u8; 12]>::try_from(nonce).unwrap()));
        }
    }
}

fn nonces() -> Vec<u8> {
    let section = Section::new(&["secret"], &["aes-256-gcm"]);
    let mut nonces = Vec::with_capacity(12 * EACH);
    for _ in 0..EACH {
        let token = section.seal(b"a=b");
        let nonce = token.split(|byte| *byte == b'.').nth(2).unwrap();
        nonces.extend(URL_SAFE_NO_PAD.decode_to_vec(nonce).unwrap());
    }
    nonces
}
