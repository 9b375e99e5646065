//! Errors in the administrator's words: what is wrong, and what to write instead.

use std::fmt::Display;
use std::os::unix::process::ExitStatusExt;

use session_crypto_core::{AlgorithmError, EmptyPassphrase, Weakness};

use crate::program::ProgramError;

/// OpenSSL fails as httpd starts.
pub(crate) fn cannot_start(error: &AlgorithmError) -> String {
    format!("OpenSSL lacks what this module cannot do without: {error}")
}

/// A key could not be made in advance.
pub(crate) fn cannot_seal(error: &dyn Display) -> String {
    format!("sessions cannot be sealed: {error}")
}

/// A list is longer than it may be.
pub(crate) fn too_many(what: &str, limit: usize) -> String {
    format!("more than {limit} {what}: take out those not in use")
}

/// A word that should name a file cannot be the name of one.
pub(crate) fn no_file_name(word: &str) -> String {
    format!("{word} is not the name of a file")
}

/// A program that should print a passphrase does not; the words go on after its
/// name.
pub(crate) fn program(error: &ProgramError) -> String {
    match error {
        ProgramError::NotRun(error) => {
            format!("cannot be run ({error}): write the path of a program that may be run")
        }
        ProgramError::NotWaitedFor(error) => format!("cannot be waited for ({error})"),
        ProgramError::Unreadable(error) => format!("cannot be read from ({error})"),
        ProgramError::Failed(status) => {
            let status = match (status.code(), status.signal()) {
                (Some(code), _) => format!("exit status {code}"),
                (None, Some(signal)) => format!("signal {signal}"),
                (None, None) => "no exit status".to_owned(),
            };
            format!("failed with {status}: it must print the passphrase and exit with status 0")
        }
        ProgramError::PrintedNothing => "printed nothing: it must print the passphrase".to_owned(),
        ProgramError::PrintedNul => "printed a NUL byte, which no passphrase has".to_owned(),
    }
}

/// `exec:` stands alone.
pub(crate) const NO_PROGRAM: &str = "exec: names no program: write exec:/path/to/program";

/// `exec:` stands in a `.htaccess` file.
pub(crate) const NO_EXEC_IN_HTACCESS: &str = "exec: is not allowed in .htaccess, which would let \
     whoever writes it run programs as the server: write the passphrase itself, or set it in \
     the server configuration";

/// A word after `exec:` cannot be the path of a program.
pub(crate) fn no_program_path(word: &str) -> String {
    format!("exec:{word} is not a path")
}

/// A word is an empty passphrase.
pub(crate) fn empty_passphrase(EmptyPassphrase: EmptyPassphrase) -> String {
    "empty passphrase, which would protect nothing: write one, or take the empty quotes out"
        .to_owned()
}

/// A program prints an empty passphrase; the words go on after its name.
pub(crate) fn empty_first_line(EmptyPassphrase: EmptyPassphrase) -> String {
    "printed an empty passphrase: the first line must be the passphrase".to_owned()
}

/// A file of passphrases has none.
pub(crate) fn no_passphrase_in(file: &dyn Display) -> String {
    format!(
        "{file} has no passphrase in it, and sessions would go out in clear: write one on a line \
         of its own, without a # before it"
    )
}

/// A passphrase can be guessed.
pub(crate) fn weak_passphrase(place: &str, weakness: Weakness) -> String {
    format!(
        "{place}: a passphrase {weakness}, and who has a session's cookie can guess it: write \
         one that 'openssl rand -base64 32' prints"
    )
}
