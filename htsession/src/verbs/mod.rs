//! The verbs: one file each.
//!
//! | file | what it holds |
//! |---|---|
//! | `rekey` | tokens of a database, sealed again |
//! | `open`, `seal` | a token into a session, and a session into a token |
//! | `inspect` | what a token says without a key |
//! | `key`, `rotate`, `keys` | sets of keys: made, rotated, shown |
//! | `generate` | manual pages and completions |
//! | `input` | the one token or session that a verb reads |

use crate::arguments::{Arguments, Verb};
use crate::failure::Outcome;

mod generate;
mod input;
mod inspect;
mod key;
mod keys;
mod open;
mod rekey;
mod rotate;
mod seal;

/// Does what a command line asks for.
///
/// # Errors
///
/// It cannot be done.
pub(crate) fn run(arguments: Arguments) -> Outcome<()> {
    let json = arguments.json;
    match arguments.verb {
        Verb::Key(arguments) => key::run(&arguments, json),
        Verb::Rotate(arguments) => rotate::run(&arguments, json),
        Verb::Keys(arguments) => keys::run(&arguments, json),
        Verb::Inspect(arguments) => inspect::run(&arguments, json),
        Verb::Open(arguments) => open::run(&arguments, json),
        Verb::Seal(arguments) => seal::run(&arguments, json),
        Verb::Rekey(arguments) => rekey::run(&arguments, json),
        Verb::Generate { directory } => generate::run(&directory),
    }
}
