//! The programs that words of the configuration name.

use std::ffi::{CStr, CString, OsStr};
use std::path::Path;

use crate::advice;
use crate::ffi::{Parms, arguments, path, server_root_relative};
use crate::message::Message;

/// The prefix of a word that names a program.
pub(crate) const EXEC: &[u8] = b"exec:";

/// Hands the program of a command, and its arguments, to `work`, whose error goes on after
/// the name of the program.
///
/// As in httpd's module, the program's path is relative to ServerRoot.
///
/// # Errors
///
/// The command names no program, or `work` fails.
pub(crate) fn with_program<T>(
    parms: &Parms<'_>,
    command: &CStr,
    work: impl FnOnce(&Path, &[&OsStr]) -> Result<T, Message>,
) -> Result<T, Message> {
    let pool = parms.temporary();
    let words = arguments(pool, command);
    let (name, arguments) = words
        .split_first()
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(advice::no_program)?;
    let name = CString::new(name.as_encoded_bytes()).unwrap_or_default();
    let program = server_root_relative(pool, &name)
        .ok_or_else(|| advice::no_program_path(&name.to_string_lossy()))?;
    let program = path(program);
    work(program, arguments)
        .map_err(|error| error.after(format_args!("exec:{}", program.display())))
}
