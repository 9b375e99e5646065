//! The entry that this module keeps in a session: when the session began, its name, and
//! the device that it is bound to.
//!
//! It is `session-crypto=<birth>.<name>` in the session's own text, or
//! `session-crypto=<birth>.<name>.<device>`. So each format and each store carries it, and
//! so does httpd's own module.
//!
//! Versions of this module that know no devices take the longer form for no entry. Such a
//! server does not ask for the device, and begins the session anew: with another birth and
//! another name, which the end of the former session does not reach. All servers of a farm
//! must know devices before one of them binds sessions.

use std::ffi::CStr;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use openssl::sha::Sha256;

use crate::error::LibraryError;
use crate::keyring::random::Random;

/// The birth and the name of a session, and the device that it is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionEntry {
    /// Unix seconds.
    birth: u64,
    name: [u8; NAME],
    device: Option<DeviceId>,
}

/// Identifies a device: the first half of the thumbprint of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceId(pub(crate) [u8; NAME]);

impl DeviceId {
    /// The bytes of the thumbprint.
    pub fn bytes(&self) -> &[u8; NAME] {
        &self.0
    }
}

/// Bytes of a name, and of the id of a device.
pub(crate) const NAME: usize = 16;

/// Characters of a name and of the id of a device, in base64url.
pub(super) const NAME_TEXT: usize = 22;

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
        Ok(Self::new(birth, name))
    }

    /// The entry with a known name.
    pub(crate) fn new(birth: u64, name: [u8; NAME]) -> Self {
        let device = None;
        Self {
            birth,
            name,
            device,
        }
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
        Self::new(birth, name)
    }

    /// Reads the value of an entry; `None` if [`SessionEntry::value`] would not write it.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let digits = value.iter().take_while(|byte| **byte != b'.').count();
        let (birth, rest) = value.split_at_checked(digits)?;
        let birth = parse_birth(birth)?;
        let (name, rest) = parse_name(rest)?;
        let (device, rest) = match rest {
            [] => (None, rest),
            _ => {
                let (id, rest) = parse_name(rest)?;
                (Some(DeviceId(id)), rest)
            }
        };
        rest.is_empty().then_some(Self {
            birth,
            name,
            device,
        })
    }

    /// When the session began, in Unix seconds.
    pub fn birth(&self) -> u64 {
        self.birth
    }

    /// The name of the session, which no other session has.
    pub fn name(&self) -> &[u8; NAME] {
        &self.name
    }

    /// The device that the session is bound to, if it is *bound*.
    pub fn device(&self) -> Option<DeviceId> {
        self.device
    }

    /// The entry of the session once it is bound to a device.
    #[must_use]
    pub fn bound_to(self, device: DeviceId) -> Self {
        let device = Some(device);
        Self { device, ..self }
    }

    /// The entry of a session that may have begun at any time.
    #[must_use]
    pub fn of_unknown_birth(self) -> Self {
        Self { birth: 0, ..self }
    }

    /// Whether both are entries of one session, bound or not.
    pub fn is_of_same_session(&self, other: &Self) -> bool {
        self.birth == other.birth && self.name == other.name
    }
}

/// Reads a dot and the 16 bytes of a name or of the id of a device, and returns what follows.
fn parse_name(text: &[u8]) -> Option<([u8; NAME], &[u8])> {
    let (text, rest) = text.strip_prefix(b".")?.split_first_chunk::<NAME_TEXT>()?;
    let mut name = [0; NAME];
    URL_SAFE_NO_PAD
        .decode(text, Out::from_slice(&mut name))
        .ok()?;
    Some((name, rest))
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
            for entry in [entry, entry.bound_to(DeviceId([7; 16]))] {
                assert_eq!(SessionEntry::parse(entry.value().as_bytes()), Some(entry));
            }
        }
    }

    #[test]
    fn has_a_known_form() {
        let entry = SessionEntry::new(1_800_000_000, [0xfb; 16]);
        assert_eq!(entry.value(), "1800000000.-_v7-_v7-_v7-_v7-_v7-w");
        let bound = entry.bound_to(DeviceId([0; 16]));
        assert_eq!(
            bound.value(),
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w.AAAAAAAAAAAAAAAAAAAAAA"
        );
    }

    #[test]
    fn a_device_does_not_make_another_session_of_it() {
        let entry = SessionEntry::new(1, [1; 16]);
        let bound = entry.bound_to(DeviceId([7; 16]));
        assert_eq!(bound.device(), Some(DeviceId([7; 16])));
        assert!(bound.is_of_same_session(&entry));
        assert!(!bound.is_of_same_session(&SessionEntry::new(2, [1; 16])));
        assert!(!bound.is_of_same_session(&SessionEntry::new(1, [2; 16])));
    }

    #[test]
    fn an_unknown_birth_is_before_each_other() {
        let entry = SessionEntry::new(1, [1; 16]).bound_to(DeviceId([7; 16]));
        let unknown = entry.of_unknown_birth();
        assert!(unknown.birth() < entry.birth());
        assert_eq!(unknown.name(), entry.name());
        assert_eq!(unknown.device(), entry.device());
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
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w.AAAAAAAAAAAAAAAAAAAAA",
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w.AAAAAAAAAAAAAAAAAAAAAB",
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w.AAAAAAAAAAAAAAAAAAAAAA.",
            "1800000000..AAAAAAAAAAAAAAAAAAAAAA",
            "1800000000.-_v7-_v7-_v7-_v7-_v7-w.AAAAAAAAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAA",
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
