//! The entry that this module keeps in a session: when the session began, and its name.
//!
//! It is `session-crypto=<birth>.<name>` in the session's own text, so each format and
//! each store carries it, and so does httpd's own module.

use std::ffi::CStr;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use openssl::sha::Sha256;

use crate::error::LibraryError;
use crate::keyring::random::Random;

/// The birth and the name of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEntry {
    /// Unix seconds.
    birth: u64,
    name: [u8; NAME],
}

/// Bytes of a name.
const NAME: usize = 16;

/// Characters of a name, in base64url.
const NAME_TEXT: usize = 22;

/// Most digits of a birth: until the year 33658.
const MAX_DIGITS: usize = 12;

/// The label that is hashed before a token that has no entry.
const OF_TOKEN: &[u8] = b"mod_session_crypto session of token 1";

impl SessionEntry {
    /// The key of the entry in a session.
    pub const KEY: &CStr = c"session-crypto";

    /// Begins a session at a time in Unix seconds, with a random name.
    ///
    /// # Errors
    ///
    /// The source of random bytes fails.
    pub fn begin(birth: u64, random: &mut impl Random) -> Result<Self, LibraryError> {
        let mut name = [0; NAME];
        random.fill(&mut name)?;
        Ok(Self { birth, name })
    }

    /// The entry of a session without one, which begins when its token is first seen. The
    /// name follows from the token, so that all copies have the same.
    pub fn of_token(birth: u64, token: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(OF_TOKEN);
        hash.update(token);
        let mut name = [0; NAME];
        for (byte, hashed) in name.iter_mut().zip(hash.finish()) {
            *byte = hashed;
        }
        Self { birth, name }
    }

    /// Reads the value of an entry; `None` if [`SessionEntry::value`] would not write it.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let dot = value.len().checked_sub(NAME_TEXT.saturating_add(1))?;
        let (birth, rest) = value.split_at_checked(dot)?;
        let text: &[u8; NAME_TEXT] = rest.strip_prefix(b".")?.try_into().ok()?;
        let mut name = [0; NAME];
        URL_SAFE_NO_PAD
            .decode(text, Out::from_slice(&mut name))
            .ok()?;
        Some(Self {
            birth: parse_birth(birth)?,
            name,
        })
    }

    /// The value of the entry.
    pub fn value(&self) -> String {
        let name = URL_SAFE_NO_PAD.encode_to_string(self.name);
        format!("{}.{name}", self.birth)
    }

    /// When the session began, in Unix seconds.
    pub fn birth(&self) -> u64 {
        self.birth
    }

    /// The name of the session, which no other session has.
    pub fn name(&self) -> &[u8; NAME] {
        &self.name
    }
}

/// Reads decimal digits without leading zeros.
fn parse_birth(digits: &[u8]) -> Option<u64> {
    if digits.len() > MAX_DIGITS || digits.first().is_none_or(|first| *first == b'0') {
        return None;
    }
    digits.iter().try_fold(0_u64, |birth, digit| {
        let digit = digit.is_ascii_digit().then(|| digit.wrapping_sub(b'0'))?;
        birth.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyring::random::OpenSslRandom;

    #[test]
    fn reads_what_it_writes() {
        for birth in [1, 1_800_000_000, 999_999_999_999] {
            let entry = SessionEntry::begin(birth, &mut OpenSslRandom).unwrap();
            assert_eq!(SessionEntry::parse(entry.value().as_bytes()), Some(entry));
        }
    }

    #[test]
    fn has_a_known_form() {
        let entry = SessionEntry {
            birth: 1_800_000_000,
            name: [0xfb; 16],
        };
        assert_eq!(entry.value(), "1800000000.-_v7-_v7-_v7-_v7-_v7-w");
    }

    #[test]
    fn refuses_what_it_would_not_write() {
        for wrong in [
            "",
            ".",
            "1800000000",
            "1800000000.",
            ".-_v7-_v7-_v7-_v7-_v7-w",
            "0.-_v7-_v7-_v7-_v7-_v7-w",
            "01800000000.-_v7-_v7-_v7-_v7-_v7-w",
            "-1800000000.-_v7-_v7-_v7-_v7-_v7-w",
            "1800000000x.-_v7-_v7-_v7-_v7-_v7-w",
            "1800000000000.-_v7-_v7-_v7-_v7-_v7-w",
            "1800000000:-_v7-_v7-_v7-_v7-_v7-w",
            "1800000000.-_v7-_v7-_v7-_v7-_v7-",
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w.",
            "1800000000.+/v7-_v7-_v7-_v7-_v7-w",
            // Bits that no byte has.
            "1800000000.-_v7-_v7-_v7-_v7-_v7-x",
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w=",
        ] {
            assert_eq!(SessionEntry::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn copies_of_a_token_have_one_name() {
        let one = SessionEntry::of_token(1, b"token");
        assert_eq!(one.name(), SessionEntry::of_token(2, b"token").name());
        assert_ne!(one.name(), SessionEntry::of_token(1, b"tokem").name());
    }
}
