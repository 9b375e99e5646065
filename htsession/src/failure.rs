//! The failures of the command, and the exit status of each kind.

use std::fmt::Display;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

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
    /// A server does not answer with a report.
    Silent,
    /// A server is behind, or a key is in use.
    NotReady,
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
            Kind::Silent => 6,
            Kind::NotReady => 7,
        }
    }

    /// The words about it.
    pub(crate) fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Writes it to standard error.
    pub(crate) fn report(&self) {
        if let Some(message) = &self.message {
            let status = self.status();
            say(
                message,
                |message| json!({"error": message, "status": status}),
            );
        }
    }
}

/// Lines on standard error are JSON.
static IS_JSON: AtomicBool = AtomicBool::new(false);

/// Has all lines on standard error be JSON from now on, or words.
pub(crate) fn report_in_json(is_json: bool) {
    IS_JSON.store(is_json, Ordering::Relaxed);
}

/// Writes a warning to standard error.
pub(crate) fn warn(message: impl Display) {
    say(message, |message| json!({"warning": message}));
}

/// Writes a line to standard error: JSON, or words with the name of the command before them.
fn say(message: impl Display, json: impl FnOnce(String) -> Value) {
    if IS_JSON.load(Ordering::Relaxed) {
        print_error(&ascii(&json(message.to_string())));
    } else {
        print_error(&format_args!("htsession: {message}"));
    }
}

/// Writes a line to standard error. If that fails, nobody can be told.
pub(crate) fn print_error(line: &dyn Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// The system's words for an error, without the number that Rust puts after them.
pub(crate) fn without_number(error: &impl ToString) -> String {
    let words = error.to_string();
    match words.split_once(" (os error") {
        Some((words, _)) => words.to_owned(),
        None => words,
    }
}
