//! The note that tells the access log what has happened to the session of a request.
//!
//! Lines of the error log are limited under an attack, and `LogLevel` hides them. The note
//! is always there, for `%{session-crypto}n` in a `LogFormat`.

use std::ffi::CStr;

use crate::ffi::Request;
use crate::message::Code;

/// The name of the note.
const NOTE: &CStr = c"session-crypto";

/// Between two codes.
const SEPARATOR: char = ',';

/// Adds a code to the note of a request, and to those of the requests that led to it.
#[cold]
pub(crate) fn note(request: Request<'_>, code: Code) {
    add(request, code);
    request.origins().for_each(|origin| add(origin, code));
}

fn add(request: Request<'_>, code: Code) {
    let (Some(mut notes), Some(pool)) = (request.notes(), request.pool()) else {
        return;
    };
    let former = notes.get(NOTE).map(|note| note.to_string_lossy());
    let codes = match former {
        Some(codes) if codes.split(SEPARATOR).any(|former| former == code.as_str()) => return,
        Some(codes) => format!("{codes}{SEPARATOR}{code}"),
        None => code.to_string(),
    };
    notes.set(NOTE, pool.text(&codes));
}

/// Hands the note on to a request that another one has led to, because httpd logs the last
/// one of a chain of redirects.
pub(crate) fn hand_on(request: Request<'_>) {
    let mut origins = request.origins();
    let former = origins.find_map(|origin| origin.notes()?.get(NOTE));
    let (Some(former), Some(mut notes), Some(pool)) = (former, request.notes(), request.pool())
    else {
        return;
    };
    notes.set(NOTE, pool.copy(former));
}
