//! A token and a session as the command shows them, which are the bytes of others, for the
//! fuzz targets of `fuzz/`.

use serde_json::Value;

use crate::json;
use crate::shown::session::Session;
use crate::shown::token::Token;

/// The same bytes, for people and for programs.
pub struct Shown {
    /// Lines of a terminal.
    pub lines: Vec<String>,
    /// JSON on one line.
    pub json: String,
}

/// Shows a token as `htsession inspect` does.
///
/// # Errors
///
/// It is none; the words say what it looks like.
pub fn token(text: &[u8]) -> Result<Shown, &'static str> {
    let token = Token::new(text)?;
    let rows = token.rows().into_iter();
    Ok(Shown {
        lines: rows.map(|(_, value)| value).collect(),
        json: json::ascii(&Value::Object(token.members())),
    })
}

/// Shows a session as `htsession open` does, at a Unix time in seconds.
pub fn session(text: &[u8], passwords: bool, now: u64) -> Shown {
    let session = Session::new(text);
    let rows = session.rows(now).into_iter().map(|(_, value)| value);
    Shown {
        lines: rows.chain(session.lines(passwords)).collect(),
        json: json::ascii(&Value::Object(session.members(passwords, now))),
    }
}
