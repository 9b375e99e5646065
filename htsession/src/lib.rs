//! `htsession`: keys and sessions of `mod_session_crypto` on the command line.
//!
//! The cryptographic side is `session-crypto-core`, the same as in the module. A file or
//! folder imports only from those below it in this table.
//!
//! | file or folder | what it holds |
//! |---|---|
//! | `fuzzing` | tokens and sessions as they are shown, for the fuzz targets of `fuzz/` |
//! | `main` | the program |
//! | `verbs` | the verbs: one file each |
//! | `farm` | a farm, seen through the status pages of its servers |
//! | `secrets` | the secrets that files have, and sessions sealed and opened with them |
//! | `shown` | how tokens, sessions, keys and times are shown |
//! | `files` | files with secrets: read whole, and replaced whole |
//! | `arguments` | the command line, from which completions and manual pages follow too |
//! | `memory` | the memory of one session, freed before the next |
//! | `failure` | what can go wrong, and the exit status of each kind |
//! | `json` | JSON in ASCII |

use std::env;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;

mod arguments;
mod failure;
mod farm;
mod files;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod json;
mod memory;
mod secrets;
mod shown;
mod verbs;

/// Runs the command with the arguments of this process.
pub fn main() -> ExitCode {
    let outcome = match Arguments::try_parse() {
        Ok(arguments) => {
            failure::report_in_json(arguments.json);
            verbs::run(arguments)
        }
        Err(error) => {
            let json = env::args_os().any(|argument| argument == "--json");
            if !json || !error.use_stderr() {
                error.exit();
            }
            failure::report_in_json(json);
            Err(arguments::failure(&error))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.report();
            ExitCode::from(failure.status())
        }
    }
}
