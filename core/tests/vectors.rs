//! Every file of `core/vectors/classic` does what its header says.
//!
//! A vector is `name: value` lines; see any of them. Those that open are
//! sealed again with the token's own salt and IV, and give the same text.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use common::Leak;
use session_crypto_core::{Cipher, Digest, LibraryError, OpenError, Passphrase, Random, Sealer};

mod common;

/// Gives out the salt and IV of a token that exists.
struct Replay(std::vec::IntoIter<u8>);

impl Random for Replay {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
        for (to, from) in bytes.iter_mut().zip(self.0.by_ref()) {
            *to = from;
        }
        Ok(())
    }
}

struct Vector {
    name: String,
    fields: HashMap<String, String>,
}

impl Vector {
    fn text(&self, field: &str) -> &str {
        self.fields
            .get(field)
            .unwrap_or_else(|| panic!("{}: no {field}", self.name))
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        let hex = self.text(field);
        let pairs = hex.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}

fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/classic");
    let mut vectors: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let fields = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            Vector {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                fields,
            }
        })
        .collect();
    vectors.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(vectors.len() >= 24, "the folder of vectors is not whole");
    vectors
}

#[test]
fn does_what_every_vector_says() {
    for vector in vectors() {
        let passphrase = Passphrase::new(&vector.bytes("passphrase")).unwrap();
        let ciphers = [Cipher::by_name(vector.text("cipher")).unwrap()];
        let digest = Digest::by_name(vector.text("digest")).unwrap();
        let sealer = Sealer::new([&passphrase], &ciphers, &digest).unwrap();
        let token = vector.text("token");
        let opened = sealer.open(token.as_bytes(), &Leak);
        match (vector.text("outcome"), opened) {
            ("opens", Ok(opened)) => {
                assert_eq!(
                    opened.session.to_bytes(),
                    vector.bytes("plaintext"),
                    "{}",
                    vector.name
                );
                assert!(!opened.stale, "{}", vector.name);
                let raw = base64_simd::STANDARD.decode_to_vec(token).unwrap();
                let mut replay = Replay(raw.get(8..8 + 32).unwrap().to_vec().into_iter());
                let sealed = sealer
                    .seal(&vector.bytes("plaintext"), &mut replay, &Leak)
                    .unwrap();
                assert_eq!(sealed.to_str().unwrap(), token, "{}", vector.name);
            }
            ("refused", Err(OpenError::Refused(_))) => {}
            (expected, Ok(_)) => panic!("{}: expected {expected}, it opens", vector.name),
            (expected, Err(error)) => panic!("{}: expected {expected}: {error}", vector.name),
        }
    }
}
