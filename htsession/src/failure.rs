//! The failures of the command, and the exit status of each kind.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::json;

use crate::json::ascii;

/// The kind of a failure, which decides the exit status. `docs/htsession.md` has the
/// numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A token does not open, is no token, or its key is not there.
    Refused,
    /// The command line asks for something that cannot be.
    Usage,
    /// A file of keys or passphrases, a certificate or an algorithm cannot be used.
    Secrets,
    /// A file or a stream cannot be read or written.
    File,
    /// OpenSSL fails.
    Library,
}

/// A failure of the command, in words for the person who called it.
#[derive(Debug)]
pub(crate) struct Failure {
    kind: Kind,
    /// `None` if all has been said already, or nobody is left to read it.
    message: Option<String>,
}

/// The outcome of what may fail.
pub(crate) type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure with words that say what is wrong and what to do instead.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: Some(message.into()),
        }
    }

    /// A failure whose parts have been reported one by one.
    pub(crate) fn reported(kind: Kind) -> Self {
        Self {
            kind,
            message: None,
        }
    }

    /// The same failure, once it has been reported.
    pub(crate) fn without_words(self) -> Self {
        Self::reported(self.kind)
    }

    /// A stream that cannot be written. A reader that has gone away asks for no words.
    pub(crate) fn of_output(error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::reported(Kind::File);
        }
        Self::new(
            Kind::File,
            format!("the output cannot be written: {}", without_number(error)),
        )
    }

    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self.kind {
            Kind::Refused => 1,
            Kind::Usage => 2,
            Kind::Secrets => 3,
            Kind::File => 4,
            Kind::Library => 5,
        }
    }

    /// The words about it.
    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Writes it to standard error.
    pub(crate) fn report(&self, json: bool) {
        if let Some(message) = &self.message {
            if json {
                let line = json!({"error": message, "status": self.status()});
                print_error(&ascii(&line));
            } else {
                warn(message);
            }
        }
    }
}

/// Writes a line to standard error, with the name of the command before it.
pub(crate) fn warn(message: impl Display) {
    print_error(&format_args!("htsession: {message}"));
}

/// Writes a line to standard error. If that fails, nobody can be told.
pub(crate) fn print_error(line: &dyn Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The system's words for an error, without the number that Rust puts after them.
pub(crate) fn without_number(error: &io::Error) -> String {
    let words = error.to_string();
    match words.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}
