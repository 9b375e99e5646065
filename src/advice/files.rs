//! Errors of the files and programs that words of the configuration name.
//!
//! Words about a file or a program go on after its name.

use std::ffi::OsStr;
use std::fmt::Display;
use std::os::unix::process::ExitStatusExt;

use session_crypto_core::PassphraseFileError;
use session_crypto_core::program::ProgramError;

use crate::message::{Code, Message};

/// A word that should name a file cannot be the name of one.
pub(crate) fn no_file_name(word: &str) -> Message {
    Code("SC0304").says(format!("{word} is not the name of a file"))
}

/// A file of secrets cannot be read. `what` is what the file should hold.
pub(crate) fn unreadable_file(error: &PassphraseFileError, what: &str) -> Message {
    match error {
        PassphraseFileError::Unreadable(reason) => unreadable(reason, &format!("holds {what}")),
        PassphraseFileError::Directory => Code("SC0702").says(format!(
            "is a directory: write the name of a file that holds {what}"
        )),
        PassphraseFileError::NotAFile => not_a_file(&format!("one that holds {what}")),
        PassphraseFileError::TooLarge(most) => {
            too_large(*most, &format!("a file that holds {what}"))
        }
    }
}

/// The system refuses to read a file. `what` says what the file should be, or should hold.
pub(super) fn unreadable(reason: &impl ToString, what: &str) -> Message {
    Code("SC0701").says(format!(
        "cannot be read ({}): write the name of a file that {what}",
        without_number(reason)
    ))
}

/// A file is a pipe or a device, or a directory where that makes no difference.
pub(super) fn not_a_file(instead: &str) -> Message {
    Code("SC0703").says(format!("is not a file: write the name of {instead}"))
}

/// A file has more than `most` bytes.
pub(super) fn too_large(most: u64, instead: &str) -> Message {
    TOO_LARGE.says(format!(
        "is larger than {most} bytes: write the name of {instead}"
    ))
}

/// A file, or a text that a program prints, is too large.
pub(super) const TOO_LARGE: Code = Code("SC0704");

/// `exec:` stands alone.
pub(crate) fn no_program() -> Message {
    Code("SC0305").says("exec: names no program: write exec:/path/to/program")
}

/// A word after `exec:` cannot be the path of a program.
pub(crate) fn no_program_path(word: &str) -> Message {
    Code("SC0306").says(format!("exec:{word} is not a path"))
}

/// A word cannot be the name of a variable.
pub(crate) fn no_variable_name(word: &OsStr) -> Message {
    Code("SC0307").says(format!(
        "'{}' is not the name of a variable: write the name alone, as in 'SessionCryptoPassEnv \
         VAULT_ADDR', and set the value where httpd is started",
        word.to_string_lossy()
    ))
}

/// httpd's environment has no variable of this name.
pub(crate) fn no_variable(name: &OsStr) -> Message {
    Code("SC0308").says(format!(
        "httpd's environment has no {0}: set it where httpd is started (Debian: 'export {0}=...' in \
         /etc/apache2/envvars; systemd: Environment= or EnvironmentFile=), or take the name out",
        name.to_string_lossy()
    ))
}

/// A program has run before the line that names its variables.
pub(crate) fn variable_after_program(program: &dyn Display) -> Message {
    Code("SC0309").says(format!(
        "the program at {program} has run without these variables: write this line before that \
         one"
    ))
}

/// No line names a program for the variables.
pub(crate) fn idle_variables(line: &dyn Display) -> Message {
    Code("SC0314").says(format!(
        "{line}: SessionCryptoPassEnv does nothing, because no line has an exec: program: take it \
         out, or write exec:/path/to/program in place of a secret"
    ))
}

/// A section names variables of its own.
pub(crate) fn variables_in_section() -> Message {
    Code("SC0315").says(
        "all programs get the same variables: move this line out of <VirtualHost> and every other \
         section, before the first line with exec:",
    )
}

/// A program that should print a secret does not.
///
/// `what` is the secret that it should print.
pub(crate) fn program(error: &ProgramError, what: &str) -> Message {
    match error {
        ProgramError::NotRun(error) => Code("SC0711").says(format!(
            "cannot be run ({}): write the path of a program that may be run",
            without_number(error)
        )),
        ProgramError::NotWaitedFor(error) => {
            Code("SC0712").says(format!("cannot be waited for ({})", without_number(error)))
        }
        ProgramError::Unreadable(error) => {
            Code("SC0713").says(format!("cannot be read from ({})", without_number(error)))
        }
        ProgramError::Failed(status) => {
            let status = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "no exit status".to_owned(),
            };
            Code("SC0714").says(format!(
                "failed with {status}: it must print the {what} and exit with status 0"
            ))
        }
        ProgramError::PrintedNothing => {
            Code("SC0715").says(format!("printed nothing: it must print the {what}"))
        }
        ProgramError::PrintedNul => {
            Code("SC0716").says("printed a NUL byte, which no passphrase has")
        }
    }
}

/// The system's words for a failure, without the number that Rust puts after them.
pub(super) fn without_number(reason: &impl ToString) -> String {
    let mut words = reason.to_string();
    if let Some(at) = words.rfind(" (os error ") {
        words.truncate(at);
    }
    words
}
