//! What a section's sessions are for.

use thiserror::Error;

/// The text that a token of one application carries, so that another, which
/// shares the passphrase, refuses it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose(String);

/// The text cannot be a purpose.
#[derive(Clone, Copy, Debug, Error)]
#[error("a purpose is 1 to 128 printable ASCII characters other than \" and \\")]
pub struct InvalidPurpose;

/// The longest purpose: it goes into each cookie.
const MAX_LENGTH: usize = 128;

impl Purpose {
    /// Takes a text that JSON has no need to escape, so that every JOSE
    /// library writes it alike.
    ///
    /// # Errors
    ///
    /// It is empty, too long, or has other characters.
    pub fn new(text: &str) -> Result<Self, InvalidPurpose> {
        let plain = |byte: u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
        let valid = (1..=MAX_LENGTH).contains(&text.len()) && text.bytes().all(plain);
        valid.then(|| Self(text.to_owned())).ok_or(InvalidPurpose)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
