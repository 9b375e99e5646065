//! Messages with codes.

use std::fmt;

/// The code of a message, with which its line begins: `SC` and four digits. It stays the
/// same when the words change. docs/messages.md has each code once.
///
/// | codes | messages about |
/// |---|---|
/// | `SC01..` | sessions that are refused, or have ended |
/// | `SC02..` | requests in which this host fails, and other news of requests |
/// | `SC03..` | errors of the configuration |
/// | `SC04..` | warnings |
/// | `SC05..` | start, restart and key files |
/// | `SC06..` | the list of ended sessions and its agent |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Code(pub(crate) &'static str);

impl Code {
    /// The text of the code.
    pub(crate) fn as_str(self) -> &'static str {
        self.0
    }

    /// A message with this code.
    pub(crate) fn says(self, words: impl Into<String>) -> Message {
        let words = words.into();
        Message { code: self, words }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

/// A message to an administrator: a code, and words that say what is wrong and what to write
/// instead.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Message {
    code: Code,
    words: String,
}

/// The line: the code, a colon and the words.
impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.words)
    }
}
