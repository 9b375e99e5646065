//! The users whose sessions a request may end.

/// The users whose sessions a request may end in a section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EndSessionsFor {
    /// The user of the session that the request comes with.
    Own,
    /// Each user whom the request names.
    Any,
}

impl EndSessionsFor {
    /// Reads the word of a line.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let words = [("own", Self::Own), ("any", Self::Any)];
        let mut words = words.into_iter();
        words.find_map(|(known, value)| known.eq_ignore_ascii_case(word).then_some(value))
    }
}
