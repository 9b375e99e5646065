//! The purpose of a section's sessions.

use thiserror::Error;

/// A text that the tokens of one application carry. Another application with the same
/// passphrase refuses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose(String);

/// The error of a text that cannot be a purpose.
#[derive(Clone, Copy, Debug, Error)]
#[error("a purpose is 1 to 128 printable ASCII characters other than \" and \\")]
pub struct InvalidPurpose;

/// The most bytes of a purpose, which goes into each cookie.
const MAX_LENGTH: usize = 128;

impl Purpose {
    /// Takes a text without characters that JSON escapes: every JOSE library then writes
    /// it in the same way.
    ///
    /// # Errors
    ///
    /// The text is empty, too long, or has other characters.
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
