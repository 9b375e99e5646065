//! Records, which end sessions, and how they are named.

use std::fmt;
use std::str::FromStr;

use openssl::sha::Sha256;

/// Names what a record ends: a session, or the sessions of a user.
///
/// An id tells neither the name of the session nor that of the user. Ids are evenly
/// distributed, and nobody can choose one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId([u8; 16]);

impl RecordId {
    /// The id of a session: the first half of the SHA-256 of its name.
    pub fn of_session(name: &[u8; 16]) -> Self {
        // The function `sha256` looks the digest up each time, which costs more than to hash.
        let mut hash = Sha256::new();
        hash.update(name);
        let [first, _] = halves(hash.finish());
        Self(first)
    }

    /// The id of a user: half of an HMAC under a key that only the section has.
    pub const fn of_user(hmac: [u8; 16]) -> Self {
        Self(hmac)
    }

    /// The bytes of the id.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }
}

fn halves(digest: [u8; 32]) -> [[u8; 16]; 2] {
    let (mut first, mut second) = ([0; 16], [0; 16]);
    let bytes = first.iter_mut().chain(&mut second);
    for (half, byte) in bytes.zip(digest) {
        *half = byte;
    }
    [first, second]
}

/// 32 hexadecimal digits, in lower case.
impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", u128::from_be_bytes(self.0))
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// A text is not 32 hexadecimal digits in lower case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not an id of 32 hexadecimal digits")]
pub struct InvalidRecordId;

impl FromStr for RecordId {
    type Err = InvalidRecordId;

    fn from_str(text: &str) -> Result<Self, InvalidRecordId> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 32 || !text.bytes().all(is_digit) {
            return Err(InvalidRecordId);
        }
        let number = u128::from_str_radix(text, 16).map_err(|_| InvalidRecordId)?;
        Ok(Self(number.to_be_bytes()))
    }
}

/// How much a record ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ends {
    /// One session, and every copy of it.
    Session,
    /// All sessions of a user.
    User,
}

/// Sessions that are ended: those with this id that began at `before` or earlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Record {
    /// Names the session or the user.
    pub id: RecordId,
    /// How much the record ends.
    pub ends: Ends,
    /// The birth of the youngest session that is ended, in Unix seconds.
    pub before: u64,
    /// The last Unix second at which the record counts. Later, the sessions are too old to
    /// be accepted anyway.
    pub until: u64,
}

impl Record {
    /// The greatest time of a record: a second of the year 2514. Greater ones count as it.
    pub const MAX_TIME: u64 = (1 << 34) - 1;

    /// The record, with times that a table can keep.
    pub(crate) fn in_range(self) -> Self {
        Self {
            before: self.before.min(Self::MAX_TIME),
            until: self.until.min(Self::MAX_TIME),
            ..self
        }
    }
}

/// How this server has learned of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LearnedFrom {
    /// The sessions were ended here, so other servers have yet to be told.
    Here,
    /// The store of the farm, which tells the other servers too.
    Elsewhere,
    /// A file of this server, which says so of a record that was sent.
    File,
}

/// The table's answer to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Added {
    /// The table did not know all of it, and does now.
    New,
    /// The table knew it: a record with this id ends as many sessions, for as long.
    Known,
    /// As `New`, and for want of room the table has dropped another record: of those that
    /// could make room, the one that would have ended first.
    Evicted,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const NOON: u64 = 1_800_000_000;

    /// A record of a session by its number, which began at noon.
    pub(crate) fn record(number: u128) -> Record {
        Record {
            id: RecordId::of_session(&number.to_be_bytes()),
            ends: Ends::Session,
            before: NOON,
            until: NOON + 100,
        }
    }

    #[test]
    fn the_id_of_a_session_is_the_first_half_of_its_sha_256() {
        // As `head -c 16 /dev/zero | sha256sum` says.
        let id = RecordId::of_session(&[0; 16]);
        assert_eq!(id.to_string(), "374708fff7719dd5979ec875d56cd228");
        assert_eq!(format!("{id:?}"), id.to_string());
    }

    #[test]
    fn an_id_has_one_text() {
        let id = RecordId::of_user([0xab; 16]);
        let text = "ab".repeat(16);
        assert_eq!(id.to_string(), text);
        assert_eq!(text.parse(), Ok(id));
        for wrong in [
            "",
            "AB",
            &text[1..],
            &format!("{text}0"),
            &text.to_uppercase(),
            &format!("+{}", &text[1..]),
            &format!("{} ", &text[1..]),
        ] {
            assert_eq!(wrong.parse::<RecordId>(), Err(InvalidRecordId), "{wrong}");
        }
    }
}
