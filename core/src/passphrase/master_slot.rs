//! The slot of a JWE master key in a process.

use std::sync::{Mutex, OnceLock};

use zeroize::Zeroizing;

use crate::algorithm::derivation::MasterKey;
use crate::algorithm::digest::Digest;
use crate::algorithm::hmac;
use crate::passphrase::master_table::{KeyWords, MasterKeyName};
use crate::secret::marks;

/// A slot for one master key, derived or not.
pub(crate) struct MasterSlot {
    pub(crate) name: MasterKeyName,
    pub(crate) key: OnceLock<MasterKey>,
    /// Locked by the thread that looks for the key in other processes, or derives it.
    pub(crate) search: Mutex<()>,
}

/// The beginning of the text that a name is computed from; digest and passphrase follow.
const NAME_LABEL: &[u8] = b"mod_session_crypto master key";

impl MasterSlot {
    /// Makes an empty slot for the master key of a passphrase under a digest.
    pub(crate) fn new(secret: &[u8], digest: &Digest, naming_key: &[u8; 16]) -> Self {
        let parts = [NAME_LABEL, &[0], digest.label().as_bytes(), &[0], secret];
        let mut name = hmac::sha256(naming_key, &parts);
        // It is the same for each request, and follows from a key that nobody knows.
        marks::reveal(&mut name);
        Self {
            name: *to_words(&name),
            key: OnceLock::new(),
            search: Mutex::default(),
        }
    }
}

/// Turns bytes into words of the table, in the byte order of this machine.
pub(crate) fn to_words(bytes: &[u8; 32]) -> KeyWords {
    let mut words = KeyWords::default();
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.try_into().map(u64::from_ne_bytes).unwrap_or_default();
    }
    words
}

/// Turns words of the table back into bytes.
pub(crate) fn to_bytes(words: &[u64; 4]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}
