//! Cookies that browsers drop, because they are too long.
//!
//! Only mod_session_cookie knows the name and the attributes of a cookie, and mod_headers
//! may edit it. So long tokens are noted as they are sealed, and looked for in the headers
//! of the answer.

use std::iter;

use session_crypto_core::{Event, Text};

use super::codes;
use crate::ffi::{Level, LongToken, Pool, Request, processor};
use crate::session_crypto::SessionCrypto;
use crate::state::State;

/// Bytes of the longest cookie that all browsers keep: name, value and attributes, with
/// the characters between them.
///
/// RFC 6265, section 6.1, has browsers keep as much, and some have counted so. Others count
/// name and value alone, as its successor says.
const MAX_COOKIE: usize = 4096;

/// Bytes of the longest token that is not looked for. Name and attributes of a cookie that
/// is too long would have to be as long as the token.
const MAX_SHORT_TOKEN: usize = MAX_COOKIE / 2;

/// The header that browsers read. They ignore `Set-Cookie2`, the header of
/// `SessionCookieName2`.
const SET_COOKIE: &[u8] = b"set-cookie";

/// Notes a token that may not fit into a cookie. `session` is the length of the session in
/// bytes, and `pool` has the token.
pub(crate) fn note<'r>(request: Request<'r>, token: Text<'r>, session: usize, pool: Pool<'r>) {
    let token = token.to_bytes();
    if token.len() > MAX_SHORT_TOKEN {
        request.note_long_token::<SessionCrypto>(LongToken { token, session }, pool);
    }
}

/// Counts an answer with a token in a cookie that is too long, and warns of it once a minute
/// over all processes. `now` is the Unix time in seconds.
pub(crate) fn after_answer(request: Request<'_>, state: &State, now: u64) {
    let Some(cookie) = find(request) else {
        return;
    };
    let counters = state.counters();
    counters.count(Event::Oversize, processor::number());
    let warnings = state.cookie_warnings;
    if request.logs(Level::Warning) && !warnings.is_taken(now) && warnings.take(now) {
        warn(request, &cookie);
    }
}

fn warn(request: Request<'_>, cookie: &LongCookie<'_>) {
    let (name, path) = (String::from_utf8_lossy(cookie.name), request.path());
    request.log(
        Level::Warning,
        codes::LONG_COOKIE,
        &format_args!(
            "browsers may drop the cookie '{name}', and the session with it: it has {} bytes \
             with its attributes and {} without them, and browsers keep {MAX_COOKIE}; the \
             session has {} bytes, and its token {}: have the application store less, or keep \
             sessions in a database (mod_session_dbd); the path is {}",
            cookie.whole,
            cookie.name.len().saturating_add(cookie.token.token.len()),
            cookie.token.session,
            cookie.token.token.len(),
            path.to_string_lossy(),
        ),
    );
}

/// A cookie that is too long.
struct LongCookie<'r> {
    name: &'r [u8],
    token: LongToken<'r>,
    /// Bytes of the cookie with its attributes.
    whole: usize,
}

/// Finds a cookie that is too long among those that a chain of redirects has set.
fn find(request: Request<'_>) -> Option<LongCookie<'_>> {
    let token = request.long_token::<SessionCrypto>()?;
    // The headers of the answer are with the request that answers, mostly the last one.
    let mut answers = iter::once(request).chain(request.redirects());
    answers.find_map(|answer| {
        answer.headers_out().find_map(|headers| {
            let mut headers = headers.entries();
            headers.find_map(|(header, line)| {
                let is_cookie = header.to_bytes().eq_ignore_ascii_case(SET_COOKIE);
                let line = line.to_bytes();
                let is_long = is_cookie && line.len() > MAX_COOKIE;
                is_long.then(|| LongCookie::with(line, token)).flatten()
            })
        })
    })
}

impl<'r> LongCookie<'r> {
    /// Reads the line of a cookie, whose value must be this token.
    fn with(line: &'r [u8], token: LongToken<'r>) -> Option<Self> {
        let mut parts = line.splitn(2, |byte| *byte == b'=');
        let (name, rest) = (parts.next()?, parts.next()?);
        let attributes = rest.strip_prefix(token.token)?;
        let is_whole = attributes.first().is_none_or(|byte| *byte == b';');
        is_whole.then_some(Self {
            name,
            token,
            whole: line.len(),
        })
    }
}
