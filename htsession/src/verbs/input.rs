//! The one token or session that a verb reads.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use zeroize::Zeroizing;

use crate::failure::Outcome;
use crate::files::read::stdin;

/// The most bytes of a token or a session on standard input.
pub(super) const MOST: usize = 1024 * 1024;

/// Whether a verb reads its token from standard input.
pub(super) fn is_on_stdin(token: Option<&OsString>) -> bool {
    token.is_none_or(|token| token == "-")
}

/// The token of a command line or of standard input, without white space around it.
///
/// # Errors
///
/// Standard input cannot be read, or has too much.
pub(super) fn token(token: Option<&OsString>) -> Outcome<Zeroizing<Vec<u8>>> {
    let bytes = match token {
        Some(token) if token != "-" => Zeroizing::new(token.as_bytes().to_vec()),
        _ => stdin(MOST.saturating_mul(2))?,
    };
    Ok(Zeroizing::new(bytes.trim_ascii().to_vec()))
}
