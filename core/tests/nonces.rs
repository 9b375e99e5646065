//! Nonces never repeat: not in a million seals of two processes, and not in a child that
//! could repeat the nonces of its parent.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::collections::HashSet;
use std::num::NonZeroUsize;
use std::process::Command;
use std::sync::Arc;

use base64_simd::URL_SAFE_NO_PAD;
use common::{NOW, Section};
use session_crypto_core::{
    HeapArena, Keyring, OpenError, OpenSslRandom, Priority, SealError, Seed, SharedMemory,
};

mod common;

const EACH: usize = 500_000;

/// The variable that makes a process one of the two, with the file to write to.
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
        let mut child = Command::new(test);
        let child = child.arg("a_million").env(OUTPUT, path);
        child.spawn().unwrap()
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

/// The sections that a parent leaves to its children, one of each format.
fn inherited() -> [Section; 4] {
    let keyring = || {
        let memory = SharedMemory::alone();
        Arc::new(Keyring::to_inherit(Seed([0; 16]), OpenSslRandom, memory).unwrap())
    };
    let gcm = &["aes-256-gcm"];
    let sections = [
        Section::within(keyring(), &["secret"], &["aes256"]),
        Section::within(keyring(), &["secret"], gcm),
        Section::certified_within(keyring(), &["rsa-2048"], gcm),
        Section::certified_within(keyring(), &["p-256"], gcm),
    ];
    for section in &sections {
        let settings = section.settings();
        let derived = section
            .keyring
            .prepare(settings, Priority::Named, NOW.seconds)
            .unwrap();
        let jobs = section.keyring.jobs(NOW.seconds, NonZeroUsize::MIN).open;
        jobs.iter().for_each(|job| job.derive().unwrap());
        assert_eq!(derived.saturating_add(jobs.len()), 1);
    }
    sections
}

/// A child in which `after_fork` did not end, for whatever reason, has no random bytes.
#[test]
fn a_child_that_was_not_set_up_neither_seals_nor_opens() {
    for section in inherited() {
        for _ in 0..3 {
            let sealed = section.sealer().seal(b"a=b", NOW, &HeapArena);
            let Err(SealError::Library(error)) = sealed else {
                panic!("sealed");
            };
            assert!(
                error.to_string().contains("this process failed to start"),
                "{error}"
            );
            let opened = section.sealer().open(b"a.b.c.d.e", NOW, &HeapArena);
            assert!(matches!(opened, Err(OpenError::Library(_))));
            section.keyring.derive_again(NOW.seconds).unwrap();
        }
        section.keyring.after_fork();
        let token = section.seal(b"a=b");
        assert_eq!(section.open(&token), Ok((b"a=b".to_vec(), false)));
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
