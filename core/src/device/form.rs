//! The text of a sealed value.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | `!`, which begins each sealed value |
//! | 1 | 1 | the letter of its kind |
//! | 2 | 1 | `1`, the version of its form |
//! | 3 | | its fields, in base64url without padding |
//!
//! It is sealed like a session, and mod_session writes no session that begins like this: it
//! percent-encodes a `!`. The text is printable, because a list of classic ciphers finds the
//! right one by that.

use base64_simd::{Out, URL_SAFE_NO_PAD};

use crate::life::entry::{DeviceId, NAME, SessionEntry};

/// The first byte of a sealed value.
const FIRST: u8 = b'!';

/// The version of the form of all values.
const VERSION: u8 = b'1';

/// Bytes of a time: each birth of an entry fits, which has up to twelve digits.
const TIME: usize = 5;

/// The latest time, in the year 36812. Later ones count as it.
const MAX_TIME: u64 = (1 << 40) - 1;

/// Whether a text that was opened is a sealed value of this module, of whatever kind and
/// version. Such a text is no session, wherever it stands in for one.
pub fn is_sealed_value(text: &[u8]) -> bool {
    text.first() == Some(&FIRST)
}

/// The kinds of values. A value of one kind is none of another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValueKind {
    /// A bound cookie that came with a registration.
    Registered,
    /// A bound cookie that came with a refresh.
    Refreshed,
    /// The key of a device.
    Key,
    /// A challenge for a registration.
    RegistrationChallenge,
    /// A challenge for a refresh.
    RefreshChallenge,
}

impl ValueKind {
    fn letter(self) -> u8 {
        match self {
            Self::Registered => b'n',
            Self::Refreshed => b'b',
            Self::Key => b'k',
            Self::RegistrationChallenge => b'o',
            Self::RefreshChallenge => b'c',
        }
    }
}

/// The fields of a value that is being written.
pub(super) struct Writer(Vec<u8>);

impl Writer {
    /// Begins with birth and name of a session.
    pub(super) fn of_session(session: &SessionEntry) -> Self {
        let mut writer = Self(Vec::new());
        writer.time(session.birth());
        writer.bytes(session.name());
        writer
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    pub(super) fn time(&mut self, seconds: u64) {
        let [_, _, _, bytes @ ..] = seconds.min(MAX_TIME).to_be_bytes();
        self.bytes(&bytes);
    }

    /// Writes a length of up to 65,535 bytes, and the bytes.
    pub(super) fn counted(&mut self, bytes: &[u8]) {
        let length = u16::try_from(bytes.len()).unwrap_or(u16::MAX);
        self.bytes(&length.to_be_bytes());
        self.bytes(bytes);
    }

    pub(super) fn text(self, kind: ValueKind) -> String {
        let mut text = String::new();
        for byte in [FIRST, kind.letter(), VERSION] {
            text.push(char::from(byte));
        }
        URL_SAFE_NO_PAD.encode_append(self.0, &mut text);
        text
    }
}

/// The fields of a value, without those that have been read. Each method reads one.
pub(super) struct Fields<'f>(&'f [u8]);

/// Most bytes of the fields of any value: those of a key cookie with the longest key and the
/// longest users take 809.
pub(super) const MAX_FIELDS: usize = 1024;

impl<'f> Fields<'f> {
    /// The fields of a text of this kind, in `room`; `None` if it is of another, no value,
    /// or too long.
    pub(super) fn of(text: &[u8], kind: ValueKind, room: &'f mut [u8]) -> Option<Self> {
        let fields = text.strip_prefix(&[FIRST, kind.letter(), VERSION])?;
        // Four characters have three bytes. They must fit before they are decoded.
        if fields.len().checked_mul(3)? / 4 > room.len() {
            return None;
        }
        let fields = URL_SAFE_NO_PAD.decode(fields, Out::from_slice(room)).ok()?;
        Some(Self(fields))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*array)
    }

    pub(super) fn time(&mut self) -> Option<u64> {
        let bytes = self.array::<TIME>()?;
        let shifted = |time: u64, byte: u8| (time << 8) | u64::from(byte);
        Some(bytes.into_iter().fold(0, shifted))
    }

    pub(super) fn session(&mut self) -> Option<SessionEntry> {
        let birth = self.time()?;
        Some(SessionEntry::new(birth, self.array::<NAME>()?))
    }

    pub(super) fn device(&mut self) -> Option<DeviceId> {
        self.array().map(DeviceId)
    }

    /// Reads bytes after their length.
    pub(super) fn counted(&mut self) -> Option<Vec<u8>> {
        let length = usize::from(u16::from_be_bytes(self.array()?));
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes.to_vec())
    }

    /// Answers `value` if there is nothing left over.
    pub(super) fn whole<T>(self, value: T) -> Option<T> {
        self.0.is_empty().then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KINDS: [ValueKind; 5] = [
        ValueKind::Registered,
        ValueKind::Refreshed,
        ValueKind::Key,
        ValueKind::RegistrationChallenge,
        ValueKind::RefreshChallenge,
    ];

    fn session() -> SessionEntry {
        SessionEntry::new(1_800_000_000, [7; 16])
    }

    #[test]
    fn reads_the_fields_that_it_writes() {
        for time in [0, 1, 1_800_000_000, 999_999_999_999, MAX_TIME] {
            let mut writer = Writer::of_session(&session());
            writer.time(time);
            writer.counted(b"abc");
            writer.counted(b"");
            writer.bytes(&[1, 2]);
            let text = writer.text(ValueKind::Key);
            let mut room = [0; MAX_FIELDS];
            let mut fields = Fields::of(text.as_bytes(), ValueKind::Key, &mut room).unwrap();
            assert_eq!(fields.session(), Some(session()));
            assert_eq!(fields.time(), Some(time));
            assert_eq!(fields.counted().as_deref(), Some(&b"abc"[..]));
            assert_eq!(fields.counted().as_deref(), Some(&b""[..]));
            assert_eq!(fields.array(), Some([1, 2]));
            assert_eq!(fields.array::<1>(), None);
            assert_eq!(fields.whole(()), Some(()));
        }
    }

    #[test]
    fn a_value_has_one_kind() {
        for kind in KINDS {
            let text = Writer::of_session(&session()).text(kind);
            assert!(is_sealed_value(text.as_bytes()));
            for other in KINDS {
                let is_read = Fields::of(text.as_bytes(), other, &mut [0; MAX_FIELDS]).is_some();
                assert_eq!(is_read, other == kind, "{kind:?} as {other:?}");
            }
        }
    }

    #[test]
    fn a_value_is_printable() {
        let mut writer = Writer::of_session(&session());
        writer.bytes(&[0, 10, 127, 255]);
        let text = writer.text(ValueKind::Key);
        assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
    }

    #[test]
    fn fields_that_have_no_room_are_none() {
        for length in 0..100 {
            let mut writer = Writer(Vec::new());
            writer.bytes(&vec![7; length]);
            let text = writer.text(ValueKind::Key);
            for room in 0..100 {
                let mut room = vec![0; room];
                let fits = length <= room.len();
                let fields = Fields::of(text.as_bytes(), ValueKind::Key, &mut room);
                assert_eq!(fields.is_some(), fits, "{length}");
            }
        }
    }

    #[test]
    fn later_times_count_as_the_latest() {
        let mut writer = Writer::of_session(&session());
        writer.time(u64::MAX);
        let text = writer.text(ValueKind::Key);
        let mut room = [0; MAX_FIELDS];
        let mut fields = Fields::of(text.as_bytes(), ValueKind::Key, &mut room).unwrap();
        fields.session().unwrap();
        assert_eq!(fields.time(), Some(MAX_TIME));
    }

    /// Characters that `ap_escape_urlencoded` leaves, and what mod_session puts between
    /// them.
    #[test]
    fn no_session_begins_like_a_value() {
        for first in (b'a'..=b'z').chain(b'A'..=b'Z').chain(b'0'..=b'9') {
            assert!(!is_sealed_value(&[first]));
        }
        for session in [
            "", "=", "%21k1=x", ".=", "-=", "*=", "_=", "+=", "&", "user=!",
        ] {
            assert!(!is_sealed_value(session.as_bytes()), "{session}");
        }
    }
}
