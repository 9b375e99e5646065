//! The codes of messages.

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
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}
