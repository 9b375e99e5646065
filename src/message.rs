//! Messages with codes.

use std::fmt;

/// The code of a message, with which its line begins: `SC` and four digits. It stays the
/// same when the words change. docs/messages.md has each code once.
///
/// | codes | messages about |
/// |---|---|
/// | `SC01..` | sessions that are refused, or have ended |
/// | `SC02..` | requests in which this host fails, and other news of requests |
/// | `SC03..` | errors of the configuration, in its lines |
/// | `SC04..` | warnings |
/// | `SC05..` | start, restart and key files |
/// | `SC06..` | the list of ended sessions and its agent |
/// | `SC07..` | errors of the configuration, in the files, programs and hardware tokens that it names |
/// | `SC08..` | the devices of sessions, in requests |
/// | `SC09..` | errors of the configuration, about devices of sessions |
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

impl Message {
    /// The words without the code, for a line that has a code of its own.
    pub(crate) fn words(&self) -> &str {
        &self.words
    }

    /// The same mistake with the place before its words: `PLACE: WORDS`.
    pub(crate) fn at(self, place: impl fmt::Display) -> Self {
        self.code.says(format!("{place}: {}", self.words))
    }

    /// The same mistake with the beginning of its sentence: `BEGINNING WORDS`.
    pub(crate) fn after(self, beginning: impl fmt::Display) -> Self {
        self.code.says(format!("{beginning} {}", self.words))
    }

    /// The same mistake with more about it: `WORDS MORE`.
    pub(crate) fn and(self, more: impl fmt::Display) -> Self {
        self.code.says(format!("{} {more}", self.words))
    }
}

/// The line: the code, a colon and the words.
impl fmt::Display for Message {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.code, self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_keeps_its_code_before_all_words() {
        let message = Code("SC9999").says("is wrong").after("FILE");
        let message = message.at("DIRECTIVE").and("(it stands there)");
        assert_eq!(
            message.words(),
            "DIRECTIVE: FILE is wrong (it stands there)"
        );
        assert_eq!(
            message.to_string(),
            "SC9999: DIRECTIVE: FILE is wrong (it stands there)"
        );
    }
}
