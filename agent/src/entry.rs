//! The form in which the store keeps a record.
//!
//! | part | what it holds |
//! |---|---|
//! | 1 letter | `s` if the record ends a session, `u` if it ends those of a user |
//! | 32 hexadecimal digits | the id |
//! | `.` and a number | the birth of the youngest session that is ended, in Unix seconds |
//! | `.` and a number | the last Unix second at which the record counts |
//!
//! The store has one sorted set of such texts, whose score is the last number. A text
//! never changes its meaning, so servers may add it in any order and any number of times.
//! A message has one or more of them, one a line.

use session_crypto_core::{Ends, Record};

/// The text of a record.
pub(crate) fn write(record: &Record) -> String {
    let letter = match record.ends {
        Ends::Session => 's',
        Ends::User => 'u',
    };
    let Record {
        id, before, until, ..
    } = record;
    format!("{letter}{id}.{before}.{until}")
}

/// The record of a text; `None` if it is none.
pub(crate) fn read(text: &[u8]) -> Option<Record> {
    let text = std::str::from_utf8(text).ok()?;
    let (letter, rest) = text.split_at_checked(1)?;
    let ends = match letter {
        "s" => Ends::Session,
        "u" => Ends::User,
        _ => return None,
    };
    let mut parts = rest.split('.');
    let record = Record {
        id: parts.next()?.parse().ok()?,
        ends,
        before: number(parts.next()?)?,
        until: number(parts.next()?)?,
    };
    parts.next().is_none().then_some(record)
}

/// A number of digits alone, written as [`write()`] writes it.
fn number(text: &str) -> Option<u64> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    let is_shortest = text == "0" || !text.starts_with('0');
    let number = (is_number && is_shortest).then(|| text.parse().ok())??;
    (number <= Record::MAX_TIME).then_some(number)
}

#[cfg(test)]
mod tests {
    use session_crypto_core::{Ends, Record, RecordId};

    use super::{read, write};

    const TEXT: &str = "s000102030405060708090a0b0c0d0e0f.1800000000.1802592000";

    fn record(ends: Ends) -> Record {
        let mut bytes = [0; 16];
        for (number, byte) in (0..).zip(&mut bytes) {
            *byte = number;
        }
        Record {
            id: RecordId::of_user(bytes),
            ends,
            before: 1_800_000_000,
            until: 1_802_592_000,
        }
    }

    #[test]
    fn a_record_has_one_text() {
        assert_eq!(write(&record(Ends::Session)), TEXT);
        assert_eq!(read(TEXT.as_bytes()), Some(record(Ends::Session)));
        let user = TEXT.replacen('s', "u", 1);
        assert_eq!(write(&record(Ends::User)), user);
        assert_eq!(read(user.as_bytes()), Some(record(Ends::User)));
    }

    #[test]
    fn a_text_with_any_byte_cut_off_added_or_out_of_its_set_is_none() {
        for end in 0..TEXT.len() {
            let cut = read(&TEXT.as_bytes()[..end]);
            // The last number may lose digits, as nothing ends it.
            assert!(cut.is_none() || end > TEXT.rfind('.').unwrap() + 1, "{end}");
            for byte in [b'-', b'+', b' ', b'A', b'x', 0, 0xff] {
                let mut changed = TEXT.as_bytes().to_vec();
                changed[end] = byte;
                assert_eq!(read(&changed), None, "{end} {byte}");
            }
        }
        for wrong in ["", "s", "agent:0123456789abcdef"] {
            assert_eq!(read(wrong.as_bytes()), None, "{wrong}");
        }
        for more in [".", ".0", " ", "\n"] {
            assert_eq!(read(format!("{TEXT}{more}").as_bytes()), None, "{more:?}");
        }
    }

    #[test]
    fn a_number_has_one_form_and_fits_into_a_table() {
        let with = |number: &str| read(TEXT.replace("1802592000", number).as_bytes());
        assert_eq!(with("0").unwrap().until, 0);
        assert_eq!(with("17179869183").unwrap().until, Record::MAX_TIME);
        for wrong in [
            "",
            "00",
            "01802592000",
            "17179869184",
            "18446744073709551616",
        ] {
            assert_eq!(with(wrong), None, "{wrong}");
        }
    }
}
