//! A token into a session.

use serde_json::{Value, json};

use crate::arguments::OpenArguments;
use crate::failure::{Failure, Kind, Outcome};
use crate::memory::Memory;
use crate::secrets::sealing::{Sealing, now};
use crate::shown::output;
use crate::shown::session::Session;
use crate::shown::token::Token;
use crate::verbs::input;

/// Opens a token, and shows its session.
pub(super) fn run(arguments: &OpenArguments, json: bool) -> Outcome<()> {
    let token = arguments.token.as_ref();
    let sealing = Sealing::new(&arguments.sealing, input::is_on_stdin(token))?;
    let text = input::token(token)?;
    // A text that is no token at all has words of its own.
    let token = Token::new(&text).map_err(|words| Failure::new(Kind::Refused, words))?;
    let memory = Memory::default();
    let opened = sealing.open(&text, &memory)?;
    let session = Session::new(opened.session);
    let (passwords, now) = (arguments.show_passwords, now().seconds);
    if arguments.raw {
        if session.has_password() && !passwords {
            let words = "the session has a password: --show-passwords prints it with the rest";
            return Err(Failure::new(Kind::Usage, words));
        }
        return output::write(opened.session);
    }
    if json {
        let mut members = token.members();
        members.insert("opened_by".to_owned(), json!(opened.secret));
        members.extend(session.members(passwords, now));
        return output::json(&Value::Object(members));
    }
    let mut rows = vec![("opened by", opened.secret)];
    rows.extend(session.rows(now));
    output::rows(&rows)?;
    let lines = session.lines(passwords).into_iter();
    let lines: String = lines.map(|line| format!("{line}\n")).collect();
    output::write(format!("\n{lines}").as_bytes())
}
