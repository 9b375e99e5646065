//! The id of a key in a JWK Set.

use std::fmt;

use thiserror::Error;

/// The id of a key in a JWK Set (`kid`; RFC 7517, section 4.5): 1 to 64 characters of
/// base64url. It is not secret, and safe in a log.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId {
    /// The characters, with zeros after them.
    text: [u8; MAX_LENGTH],
    length: usize,
}

/// The error of a text that is no key id.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("a key id is 1 to 64 letters, digits, '-' and '_'")]
pub struct InvalidKeyId;

/// The most characters of a key id, which goes into each cookie.
const MAX_LENGTH: usize = 64;

impl KeyId {
    /// Takes a text.
    ///
    /// # Errors
    ///
    /// The text is empty, too long, or has other characters.
    pub fn new(text: &str) -> Result<Self, InvalidKeyId> {
        Self::of(text.as_bytes()).ok_or(InvalidKeyId)
    }

    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
        if bytes.is_empty() || !bytes.iter().all(is_base64url) {
            return None;
        }
        let mut text = [0; MAX_LENGTH];
        text.get_mut(..bytes.len())?.copy_from_slice(bytes);
        Some(Self {
            text,
            length: bytes.len(),
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        let text = self.text.get(..self.length).unwrap_or_default();
        std::str::from_utf8(text).unwrap_or_default()
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}", self.as_str())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_base64url_of_1_to_64_characters() {
        for text in ["a", "2026-11", "A_z-9", &"x".repeat(64)] {
            assert_eq!(KeyId::new(text).unwrap().as_str(), text);
        }
        for text in [
            "",
            " ",
            "a b",
            "a.b",
            "a\"",
            "a\\",
            "é",
            "a\n",
            &"x".repeat(65),
        ] {
            assert_eq!(KeyId::new(text), Err(InvalidKeyId), "{text:?}");
        }
    }
}
