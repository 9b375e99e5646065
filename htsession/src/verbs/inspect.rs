//! A token, shown without a key.

use serde_json::Value;
use session_crypto_core::KeyId;

use crate::arguments::{InspectArguments, is_stream};
use crate::failure::{Failure, Kind, Outcome};
use crate::secrets::key_set;
use crate::secrets::sealing::now;
use crate::shown::token::Token;
use crate::shown::{keys, output};
use crate::verbs::input;

/// Shows a token.
pub(super) fn run(arguments: &InspectArguments, json: bool) -> Outcome<()> {
    let path = arguments.key_file.as_ref();
    if path.is_some_and(|path| is_stream(path)) && input::is_on_stdin(arguments.token.as_ref()) {
        let words = "standard input can be one thing alone: name a file in place of '-'";
        return Err(Failure::new(Kind::Usage, words));
    }
    let set = path.map(|path| key_set::read(path)).transpose()?;
    let text = input::token(arguments.token.as_ref())?;
    let token = Token::new(&text).map_err(|words| Failure::new(Kind::Refused, words))?;
    let now = now().seconds;
    let kid = token.kid().and_then(|kid| KeyId::new(kid).ok());
    let key = set.as_ref().and_then(|set| Some((set, set.by_id(&kid?)?)));
    if json {
        let mut members = token.members();
        if set.is_some() {
            let key = key.map_or(Value::Null, |(set, key)| keys::json(set, key, now));
            members.insert("key".to_owned(), key);
        }
        output::json(&Value::Object(members))?;
    } else {
        let mut rows = token.rows();
        if let Some((set, key)) = key {
            rows.push(("key", keys::words(set, key, now)));
        }
        output::rows(&rows)?;
    }
    match (path, key) {
        (Some(path), None) => {
            let words = format!("{} does not have the key of the token", path.display());
            Err(Failure::new(Kind::Refused, words))
        }
        _ => Ok(()),
    }
}
