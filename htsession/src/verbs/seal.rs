//! A session into a token.

use serde_json::Value;

use crate::arguments::SealArguments;
use crate::failure::{Failure, Kind, Outcome};
use crate::files::read::stdin;
use crate::memory::Memory;
use crate::secrets::sealing::Sealing;
use crate::shown::output;
use crate::shown::token::Token;
use crate::verbs::input::MOST;

/// Seals the session that is on standard input.
pub(super) fn run(arguments: &SealArguments, json: bool) -> Outcome<()> {
    let sealing = Sealing::new(&arguments.sealing, true)?;
    let text = stdin(MOST)?;
    let session = text.strip_suffix(b"\n").unwrap_or(&text);
    check(session)?;
    let memory = Memory::default();
    let token = sealing.seal(session, &memory)?;
    let text = String::from_utf8_lossy(token);
    if !json {
        return output::line(&text);
    }
    let mut members = Token::new(token)
        .map(|token| token.members())
        .unwrap_or_default();
    members.insert("token".to_owned(), Value::String(text.into_owned()));
    output::json(&Value::Object(members))
}

/// Refuses what mod_session never writes, and cannot read.
fn check(session: &[u8]) -> Outcome<()> {
    let words = if session.is_empty() {
        "there is no session on standard input: write one, like user=joe"
    } else if session.iter().any(|byte| byte.is_ascii_control()) {
        "the session has a line end or another control character: write it as %0A"
    } else {
        return Ok(());
    };
    Err(Failure::new(Kind::Refused, words))
}
