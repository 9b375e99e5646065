//! The entry of a session as the last pair of its text.
//!
//! This module writes the entry after the text that mod_session has made, and takes it off
//! before mod_session reads the text again. Another writer may have put it elsewhere.

use base64_simd::{Out, URL_SAFE_NO_PAD};
use memchr::memrchr;

use crate::arena::{Arena, Text, Writer};
use crate::error::LibraryError;
use crate::life::entry::{DeviceId, NAME, NAME_TEXT, SessionEntry};

/// The pair up to its value, and the separator before it.
const BEGIN: &[u8; 16] = b"&session-crypto=";

/// Most bytes of the pair: with the most digits of any birth, and with a device.
const MAX_PAIR: usize = BEGIN.len() + DIGITS + 2 * (1 + NAME_TEXT);

/// Most digits of a birth.
const DIGITS: usize = 20;

impl SessionEntry {
    /// Splits a text that ends with an entry into the pairs before it, and the entry; `None`
    /// if another pair is the last.
    pub fn split_off(text: &[u8]) -> Option<(&[u8], Self)> {
        let start = text.len().saturating_sub(MAX_PAIR);
        let (before, end) = text.split_at_checked(start)?;
        let (rest, pair) = match memrchr(b'&', end) {
            Some(at) => text.split_at_checked(start.saturating_add(at))?,
            None if before.is_empty() => (before, text),
            None => return None,
        };
        let [separator, key @ ..] = BEGIN;
        let pair = pair.strip_prefix(&[*separator]).unwrap_or(pair);
        let entry = Self::parse(pair.strip_prefix(key)?)?;
        Some((rest, entry))
    }

    /// The text with the entry as its last pair.
    ///
    /// # Errors
    ///
    /// The arena gives wrong room.
    pub fn append_to<'a>(
        &self,
        text: &[u8],
        arena: &impl Arena<'a>,
    ) -> Result<Text<'a>, LibraryError> {
        let mut room = [0; MAX_PAIR];
        let pair = self.pair(&mut room).ok_or_else(LibraryError::wrong_room)?;
        let pair = match text {
            [] => pair.get(1..).unwrap_or_default(),
            _ => pair,
        };
        let mut writer = arena.writer(text.len().saturating_add(pair.len()));
        writer.push(text);
        writer.push(pair);
        writer.finish().ok_or_else(LibraryError::wrong_room)
    }

    /// The value of the entry.
    pub fn value(&self) -> String {
        let mut room = [0; MAX_PAIR];
        let pair = self.pair(&mut room).unwrap_or_default();
        let value = pair.get(BEGIN.len()..).unwrap_or_default();
        String::from_utf8_lossy(value).into_owned()
    }

    /// The birth in decimal digits, as text in an arena.
    ///
    /// # Errors
    ///
    /// The arena gives wrong room.
    pub fn birth_text<'a>(&self, arena: &impl Arena<'a>) -> Result<Text<'a>, LibraryError> {
        let mut room = [0; DIGITS];
        let start = put_digits(&mut room, self.birth()).map_or(0, |free| free.len());
        let digits = room.get(start..).unwrap_or_default();
        let mut writer = arena.writer(digits.len());
        writer.push(digits);
        writer.finish().ok_or_else(LibraryError::wrong_room)
    }

    /// The pair behind others, written from its end to its start.
    fn pair<'m>(&self, room: &'m mut [u8; MAX_PAIR]) -> Option<&'m [u8]> {
        let mut free: &mut [u8] = room;
        if let Some(DeviceId(id)) = self.device() {
            free = put(free, &name_text(&id)?)?;
            free = put(free, b".")?;
        }
        free = put(free, &name_text(self.name())?)?;
        free = put(free, b".")?;
        free = put_digits(free, self.birth())?;
        let start = put(free, BEGIN)?.len();
        room.get(start..)
    }
}

/// Writes a number at the end of some room, and returns the room before it.
fn put_digits(room: &mut [u8], number: u64) -> Option<&mut [u8]> {
    let (mut free, mut rest) = (room, number);
    loop {
        let digit = u8::try_from(rest % 10).unwrap_or_default();
        free = put(free, &[b'0'.wrapping_add(digit)])?;
        rest /= 10;
        if rest == 0 {
            return Some(free);
        }
    }
}

/// Writes bytes at the end of some room, and returns the room before them.
fn put<'m, const N: usize>(room: &'m mut [u8], bytes: &[u8; N]) -> Option<&'m mut [u8]> {
    let (before, place) = room.split_last_chunk_mut()?;
    *place = *bytes;
    Some(before)
}

/// The text of a name or of the id of a device.
fn name_text(name: &[u8; NAME]) -> Option<[u8; NAME_TEXT]> {
    let mut text = [0; NAME_TEXT];
    let written = URL_SAFE_NO_PAD.encode(name, Out::from_slice(&mut text));
    (written.len() == NAME_TEXT).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::HeapArena;

    const NAME_OF_ALL: &str = "-_v7-_v7-_v7-_v7-_v7-w";

    fn entries() -> impl Iterator<Item = SessionEntry> {
        let births = [1, 10, 1_800_000_000, 999_999_999_999];
        births.into_iter().flat_map(|birth| {
            let entry = SessionEntry::new(birth, [0xfb; 16]);
            [entry, entry.bound_to(DeviceId([7; 16]))]
        })
    }

    #[test]
    fn the_text_before_the_entry_comes_back() {
        let long = "x".repeat(3000);
        for text in ["", "user=joe", "a=1&b=2", "user=joe&", &long] {
            for entry in entries() {
                let whole = entry.append_to(text.as_bytes(), &HeapArena).unwrap();
                let separator = if text.is_empty() { "" } else { "&" };
                let expected = format!("{text}{separator}session-crypto={}", entry.value());
                assert_eq!(whole.to_str(), Ok(expected.as_str()));
                let split = SessionEntry::split_off(whole.to_bytes());
                assert_eq!(split, Some((text.as_bytes(), entry)));
            }
        }
    }

    #[test]
    fn writes_each_birth() {
        let entry = SessionEntry::new(u64::MAX, [0xfb; 16]).bound_to(DeviceId([0xfb; 16]));
        let expected = format!("18446744073709551615.{NAME_OF_ALL}.{NAME_OF_ALL}");
        assert_eq!(entry.value(), expected);
        let birth = entry.birth_text(&HeapArena).unwrap();
        assert_eq!(birth.to_str(), Ok("18446744073709551615"));
        assert_eq!(
            SessionEntry::new(0, [0xfb; 16]).value(),
            format!("0.{NAME_OF_ALL}")
        );
    }

    #[test]
    fn leaves_other_texts_whole() {
        let long = "x".repeat(3000);
        let own = format!("session-crypto=1800000000.{NAME_OF_ALL}");
        assert!(SessionEntry::split_off(own.as_bytes()).is_some());
        for text in [
            "",
            "user=joe",
            &format!("{own}&user=joe"),
            &format!("{own}&"),
            &format!("x{own}"),
            &format!("user=joe&x{own}"),
            &format!("user=joe& {own}"),
            &format!("user=joe&Session-Crypto={NAME_OF_ALL}"),
            &format!("user=joe&{own}x"),
            &format!("user=joe&{own}="),
            &format!("{long}{own}"),
            &format!("{own}{long}"),
            "user=joe&session-crypto=1.x",
            "user=joe&session-crypto=",
            "user=joe&session-crypto",
        ] {
            assert_eq!(SessionEntry::split_off(text.as_bytes()), None, "{text}");
        }
    }
}
