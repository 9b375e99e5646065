//! The text of a sealed value.
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 1 | `!`, the mark of a sealed value |
//! | 1 | 1 | the letter of its kind |
//! | 2 | 1 | `1`, the version of its form |
//! | 3 | | its fields, in base64url without padding |
//!
//! It is sealed like a session, and mod_session writes no session that begins like this: it
//! percent-encodes a `!`. The text is printable, because a list of classic ciphers finds the
//! right one by that.

use base64_simd::URL_SAFE_NO_PAD;

use crate::life::entry::{DeviceId, NAME, SessionEntry};

/// The first byte of a sealed value.
const MARK: u8 = b'!';

/// The version of the form of all values.
const VERSION: u8 = b'1';

/// Bytes of a time: each birth of an entry fits, which has up to twelve digits.
const TIME: usize = 5;

/// The latest time, in the year 36812. Later ones count as it.
const MAX_TIME: u64 = (1 << 40) - 1;

/// Whether a text that was opened is a sealed value of this module, of whatever kind and
/// version. Such a text is no session, wherever it stands in for one.
pub fn is_sealed_value(text: &[u8]) -> bool {
    text.first() == Some(&MARK)
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
        for byte in [MARK, kind.letter(), VERSION] {
            text.push(char::from(byte));
        }
        URL_SAFE_NO_PAD.encode_append(self.0, &mut text);
        text
    }
}

/// The fields of a value, without those that have been read. Each method reads one.
pub(super) struct Fields(std::vec::IntoIter<u8>);

impl Fields {
    /// The fields of a text of this kind; `None` if it is of another, or no value.
    pub(super) fn of(text: &[u8], kind: ValueKind) -> Option<Self> {
        let fields = text.strip_prefix(&[MARK, kind.letter(), VERSION])?;
        let fields = URL_SAFE_NO_PAD.decode_to_vec(fields).ok()?;
        Some(Self(fields.into_iter()))
    }

    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let array = self.0.as_slice().first_chunk::<N>().copied()?;
        // The bytes are there, so the iterator has as many.
        self.0.by_ref().take(N).for_each(drop);
        Some(array)
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
        let bytes: Vec<u8> = self.0.by_ref().take(length).collect();
        (bytes.len() == length).then_some(bytes)
    }

    /// Answers `value` if there is nothing left over.
    pub(super) fn whole<T>(self, value: T) -> Option<T> {
        self.0.as_slice().is_empty().then_some(value)
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
            let mut fields = Fields::of(text.as_bytes(), ValueKind::Key).unwrap();
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
                let is_read = Fields::of(text.as_bytes(), other).is_some();
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
    fn later_times_count_as_the_latest() {
        let mut writer = Writer::of_session(&session());
        writer.time(u64::MAX);
        let text = writer.text(ValueKind::Key);
        let mut fields = Fields::of(text.as_bytes(), ValueKind::Key).unwrap();
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
