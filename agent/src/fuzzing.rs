//! The parsers of what a store sends, for the fuzz targets of `fuzz/`.

use redis::Parser;
use session_crypto_core::Record;

use crate::{entry, store};

/// The record of a text in the store; `None` if it is none.
pub fn read_entry(text: &[u8]) -> Option<Record> {
    entry::read(text)
}

/// The text of a record in the store.
pub fn write_entry(record: &Record) -> String {
    entry::write(record)
}

/// The cursor and the records of an answer to ZSCAN, as the store sends it; `None` if it is
/// another answer.
pub fn read_page(mut answer: &[u8]) -> Option<(Vec<u8>, Vec<Record>)> {
    let answer = Parser::new().parse_value(&mut answer).ok()?;
    let (cursor, members) = store::page(answer)?;
    Some((cursor, store::records(&members).collect()))
}
