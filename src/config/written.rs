//! A setting, and the line that it stands on.

use session_crypto_core::Fingerprint;

use crate::ffi::Line;

/// A value that a line of the configuration sets.
pub(crate) struct Written<T> {
    pub(crate) value: T,
    /// Stands for the value in a realm.
    pub(crate) fingerprint: Fingerprint,
    /// The directive that set it.
    pub(crate) directive: &'static str,
    pub(crate) line: Line,
}

impl<T> Written<T> {
    /// The directive, and its line.
    pub(crate) fn directive_and_line(&self) -> (&'static str, &Line) {
        (self.directive, &self.line)
    }
}
