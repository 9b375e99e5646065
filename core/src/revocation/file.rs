//! The form in which the records are kept in a file.
//!
//! ```text
//! mod_session_crypto ended sessions 1
//! 66687aadf862bd776c8fc18b8e9f8e20 session 1800000000 1802592000 sent
//! 0f1e2d3c4b5a69788796a5b4c3d2e1f0 user 1800000100 1802592100 unsent
//! end 2 0fa4…: the SHA-256 of all lines above
//! ```
//!
//! | line | content |
//! |---|---|
//! | the first | what the file is, and the number of its form |
//! | each record | the id, what it ends, `before` and `until` in Unix seconds, whether the store has it |
//! | the last | the number of records, and the SHA-256 of all lines above as hexadecimal digits |

use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};

use openssl::sha::Sha256;

use crate::revocation::record::{Ends, LearnedFrom, Record};
use crate::revocation::table::RevocationTable;

/// The words that name the file.
const TITLE: &str = "mod_session_crypto ended sessions ";

/// The number of the form.
const FORM: &str = "1";

/// The longest line, with its end.
const MAX_LINE: u64 = 128;

/// A file with records cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RevocationFileError {
    /// The file cannot be read.
    #[error("cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The first line is another one.
    #[error("is not a file of ended sessions")]
    Foreign,
    /// Another version of the module has written the file.
    #[error("has a form that this version does not know")]
    OtherForm,
    /// A line is not one of a record.
    #[error("is damaged: line {0} is not a record")]
    Line(u64),
    /// The last line is missing.
    #[error("is damaged: it ends after line {0}, without a last line")]
    Truncated(u64),
    /// The last line does not belong to the others.
    #[error("is damaged: its lines do not have the checksum of its last line")]
    Checksum,
    /// There is something after the last line.
    #[error("is damaged: it goes on after its last line")]
    Trailing,
}

impl RevocationTable {
    /// Writes the records that count.
    ///
    /// # Errors
    ///
    /// `to` cannot be written.
    pub fn write_to(&self, to: impl Write, now: u64) -> io::Result<()> {
        let mut to = Hashed {
            to: BufWriter::new(to),
            hash: Sha256::new(),
        };
        to.line(format_args!("{TITLE}{FORM}\n"))?;
        let mut count = 0_u64;
        for (record, is_unsent) in self.records_as_sent(now) {
            let Record {
                id, before, until, ..
            } = record;
            let ends = match record.ends {
                Ends::Session => "session",
                Ends::User => "user",
            };
            let sent = if is_unsent { "unsent" } else { "sent" };
            to.line(format_args!("{id} {ends} {before} {until} {sent}\n"))?;
            count = count.saturating_add(1);
        }
        let Hashed { mut to, hash } = to;
        writeln!(to, "end {count} {}", hex(hash))?;
        to.flush()
    }

    /// Adds the records of a file that [`RevocationTable::write_to`] has written, if all of
    /// it is right. Returns how many it has.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is another one, or is damaged. No record is added then.
    pub fn read_from(&self, from: impl Read, now: u64) -> Result<u64, RevocationFileError> {
        let (records, count) = read(BufReader::new(from))?;
        for (record, from) in records {
            if record.until >= now {
                let _ = self.add(&record, from, now);
            }
        }
        Ok(count)
    }
}

type Records = Vec<(Record, LearnedFrom)>;

fn read(mut from: impl BufRead) -> Result<(Records, u64), RevocationFileError> {
    let mut hash = Sha256::new();
    let (mut line, mut records, mut number) = (Vec::new(), Vec::new(), 0_u64);
    loop {
        line.clear();
        from.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
        let is_cut = !line.ends_with(b"\n") && number > 0 && from.fill_buf()?.is_empty();
        if is_cut {
            return Err(RevocationFileError::Truncated(number));
        }
        let text = line.strip_suffix(b"\n").map(std::str::from_utf8);
        let text = text.and_then(Result::ok);
        if number == 0 {
            let form = text.and_then(|text| text.strip_prefix(TITLE));
            match form {
                Some(FORM) => {}
                Some(_) => return Err(RevocationFileError::OtherForm),
                None => return Err(RevocationFileError::Foreign),
            }
        } else if let Some(end) = text.and_then(|text| text.strip_prefix("end ")) {
            let count = number.saturating_sub(1);
            if end != format!("{count} {}", hex(hash)) {
                return Err(RevocationFileError::Checksum);
            }
            let is_trailing = !from.fill_buf()?.is_empty();
            return if is_trailing {
                Err(RevocationFileError::Trailing)
            } else {
                Ok((records, count))
            };
        } else {
            let line = number.saturating_add(1);
            let record = text.and_then(record);
            records.push(record.ok_or(RevocationFileError::Line(line))?);
        }
        hash.update(&line);
        number = number.saturating_add(1);
    }
}

/// The record of a line.
fn record(line: &str) -> Option<(Record, LearnedFrom)> {
    let mut words = line.split(' ');
    let id = words.next()?.parse().ok()?;
    let ends = match words.next()? {
        "session" => Ends::Session,
        "user" => Ends::User,
        _ => return None,
    };
    let before = words.next()?.parse().ok()?;
    let until = words.next()?.parse().ok()?;
    let from = match words.next()? {
        "sent" => LearnedFrom::File,
        "unsent" => LearnedFrom::Here,
        _ => return None,
    };
    let record = Record {
        id,
        ends,
        before,
        until,
    };
    words.next().is_none().then_some((record, from))
}

/// Lines that are hashed as they are written.
struct Hashed<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Hashed<W> {
    fn line(&mut self, line: std::fmt::Arguments<'_>) -> io::Result<()> {
        let line = line.to_string();
        self.hash.update(line.as_bytes());
        self.to.write_all(line.as_bytes())
    }
}

fn hex(hash: Sha256) -> String {
    let digits = hash.finish().map(|byte| format!("{byte:02x}"));
    digits.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::revocation::record::{Added, RecordId};
    use crate::revocation::unsent::UnsentReader;

    const NOON: u64 = 1_800_000_000;

    /// All lines but the last one, which has the checksum that `sha256sum` says of these.
    const FILE: &str = "\
mod_session_crypto ended sessions 1
00000000000000000000000000000001 session 1799999999 1800000100 sent
00000000000000000000000000000002 user 1800000000 1800000200 unsent
";

    const SESSION: Record = Record {
        id: RecordId::of_user(1_u128.to_be_bytes()),
        ends: Ends::Session,
        before: NOON - 1,
        until: NOON + 100,
    };
    const USER: Record = Record {
        id: RecordId::of_user(2_u128.to_be_bytes()),
        ends: Ends::User,
        before: NOON,
        until: NOON + 200,
    };

    fn table() -> RevocationTable {
        let table = RevocationTable::alone(10);
        for (record, from) in [(SESSION, LearnedFrom::Elsewhere), (USER, LearnedFrom::Here)] {
            assert_eq!(table.add(&record, from, NOON), Added::New);
        }
        table
    }

    fn written(table: &RevocationTable) -> Vec<u8> {
        let mut file = Vec::new();
        table.write_to(&mut file, NOON).unwrap();
        file
    }

    fn read_into(table: &RevocationTable, file: &[u8]) -> Result<u64, String> {
        let read = table.read_from(file, NOON);
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn has_this_form() {
        let file = String::from_utf8(written(&table())).unwrap();
        let mut lines: Vec<_> = file.lines().collect();
        // The order of the records follows from their ids.
        let end = "end 2 d134f01de3e77cf3349ea74ddfe9efbcadfbedbcf09d6639d679634ab964b4a1";
        assert_eq!(lines.pop(), Some(end));
        assert_eq!(lines, FILE.lines().collect::<Vec<_>>());
    }

    #[test]
    fn gives_back_the_records_and_which_are_unsent() {
        let table = RevocationTable::alone(10);
        assert_eq!(read_into(&table, &written(&self::table())), Ok(2));
        let mut records: Vec<_> = table.records(NOON).collect();
        records.sort_unstable();
        assert_eq!(records, [SESSION, USER]);
        assert!(table.has_users());
        let unsent = table.unsent(&mut UnsentReader::new(), NOON);
        assert_eq!(unsent.len(), 1);
        assert_eq!(unsent[0].record, USER);
    }

    #[test]
    fn an_empty_table_has_a_file_too() {
        let file = written(&RevocationTable::alone(10));
        assert_eq!(read_into(&RevocationTable::alone(10), &file), Ok(0));
    }

    #[test]
    fn a_record_whose_end_has_come_is_neither_written_nor_read() {
        let (table, later) = (table(), NOON + 101);
        let mut file = Vec::new();
        table.write_to(&mut file, later).unwrap();
        let read = RevocationTable::alone(10);
        assert_eq!(read_into(&read, &file), Ok(1));
        let read = RevocationTable::alone(10);
        assert_eq!(read.read_from(&*written(&table), later).unwrap(), 2);
        assert_eq!(read.records(NOON).count(), 1);
    }

    #[test]
    fn refuses_each_flipped_bit_each_cut_and_one_byte_too_many() {
        let file = written(&table());
        let read = RevocationTable::alone(10);
        for byte in 0..file.len() {
            for bit in 0..8 {
                let mut file = file.clone();
                file[byte] ^= 1 << bit;
                assert!(read_into(&read, &file).is_err(), "{byte}, {bit}");
            }
            assert!(read_into(&read, &file[..byte]).is_err(), "{byte}");
        }
        for more in [&b"\n"[..], b"x", &file] {
            let file = [&file, more].concat();
            assert!(read_into(&read, &file).is_err());
        }
        assert_eq!(read.records(NOON).count(), 0, "none was added");
    }

    #[test]
    fn an_error_says_what_is_wrong() {
        let file = String::from_utf8(written(&table())).unwrap();
        let end = file.rfind("end").unwrap();
        for (file, expected) in [
            (String::new(), "is not a file of ended sessions"),
            ("x".repeat(1000), "is not a file of ended sessions"),
            (
                file.replace("sessions 1\n", "sessions 2\n"),
                "has a form that this version does not know",
            ),
            (
                file.replace(" user ", " group "),
                "is damaged: line LINE is not a record",
            ),
            (
                file.replace("unsent", &"unsent".repeat(100)),
                "is damaged: line LINE is not a record",
            ),
            (
                file[..end].to_owned(),
                "is damaged: it ends after line 3, without a last line",
            ),
            (
                file[..end - 1].to_owned(),
                "is damaged: it ends after line 2, without a last line",
            ),
            (
                file.replace("1800000200", "1800000201"),
                "is damaged: its lines do not have the checksum of its last line",
            ),
            (
                format!("{file}\n"),
                "is damaged: it goes on after its last line",
            ),
        ] {
            let user = file.lines().position(|line| line.contains("0002 "));
            let line = user.map_or(0, |user| user + 1).to_string();
            let expected = expected.replace("LINE", &line);
            let table = RevocationTable::alone(10);
            assert_eq!(read_into(&table, file.as_bytes()), Err(expected));
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_or_written_is_an_error() {
        struct Broken;
        impl Read for Broken {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
        }
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::Error::other("broken"))
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let read = table().read_from(Broken, NOON).unwrap_err();
        assert_eq!(read.to_string(), "cannot be read: broken");
        assert!(table().write_to(Broken, NOON).is_err());
    }
}
