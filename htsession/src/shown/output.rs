//! Lines and JSON on standard output.

use std::io::{self, Write};

use serde_json::Value;

use crate::failure::{Failure, Outcome};
use crate::json;

/// Writes bytes to standard output.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn write(bytes: &[u8]) -> Outcome<()> {
    let mut output = io::stdout().lock();
    let written = output.write_all(bytes).and_then(|()| output.flush());
    written.map_err(|error| Failure::of_output(&error))
}

/// Writes a line to standard output.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn line(line: &str) -> Outcome<()> {
    write(format!("{line}\n").as_bytes())
}

/// Writes JSON to standard output, on one line.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn json(value: &Value) -> Outcome<()> {
    line(&json::ascii(value))
}

/// Writes rows of a name and a value to standard output, with the values in one column.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn rows(rows: &[(&str, String)]) -> Outcome<()> {
    let width = rows.iter().map(|(name, _)| name.len()).max();
    let width = width.unwrap_or_default();
    let lines = rows
        .iter()
        .map(|(name, value)| format!("{name:width$}  {value}\n"));
    write(lines.collect::<String>().as_bytes())
}
