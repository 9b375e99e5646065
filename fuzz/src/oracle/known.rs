//! Tokens whose sessions are known. A section opens these, and no others.

use std::collections::HashMap;

use session_crypto_core::key_id_of_token;

use crate::oracle::section::Section;
use crate::oracle::vectors::{Vector, vectors};

/// Vectors that are good tokens, and refused because of their section.
const OF_OTHER_SECTIONS: &[&str] = &[
    "refused-another-alg",
    "refused-another-curve",
    "refused-another-rsa",
    "refused-enc",
    "refused-ended",
    "refused-kid",
    "refused-no-purpose",
    "refused-p-256-enc",
    "refused-p-256-purpose",
    "refused-passphrase",
    "refused-purpose",
    "refused-rsa-2048-enc",
    "refused-rsa-2048-oaep",
    "refused-rsa-2048-purpose",
];

/// Sections, and the tokens of their vectors that open.
pub(crate) struct Known {
    sections: Vec<Section>,
    sessions: HashMap<Vec<u8>, Vec<u8>>,
}

impl Known {
    pub(crate) fn new(folder: &str, sections: Vec<Section>) -> Self {
        let mut sessions = HashMap::new();
        for vector in vectors(folder) {
            let token = vector.token();
            if vector.opens() {
                sessions.insert(token, vector.bytes("plaintext"));
            } else if OF_OTHER_SECTIONS.contains(&vector.name.as_str()) {
                // Its plaintext is in no file.
                let mut opened = sections.iter().map(|section| section.open(&token));
                if let Some(session) = opened.find_map(Result::ok) {
                    sessions.insert(token, session);
                }
            }
        }
        Self { sections, sessions }
    }

    /// Opens a token in each section: it is refused, or it is one of those that are known,
    /// byte for byte, and has its session. A client that changes a token has no key.
    pub(crate) fn check(&self, token: &[u8]) {
        for section in &self.sections {
            if let Ok(session) = section.open(token) {
                assert_eq!(
                    Some(&session),
                    self.sessions.get(token),
                    "a token is forged"
                );
            }
        }
        let _ = key_id_of_token(token);
    }

    /// Seals a session, and opens the token. A session with a NUL byte is no session.
    pub(crate) fn check_sealing(&self, session: &[u8]) {
        if session.is_empty() || session.contains(&0) {
            return;
        }
        for section in &self.sections {
            let token = section.seal(session);
            assert_eq!(section.open(&token).as_deref(), Ok(session));
        }
    }

    /// How many of the tokens open in one of the sections.
    pub(crate) fn count(&self) -> usize {
        let opens = |token: &&Vec<u8>| {
            let mut sections = self.sections.iter();
            sections.any(|section| section.open(token).is_ok())
        };
        self.sessions.keys().filter(opens).count()
    }
}

/// The tokens of a folder of vectors, those that are refused included.
pub(crate) fn tokens(folder: &str) -> Vec<Vec<u8>> {
    vectors(folder).iter().map(Vector::token).collect()
}
