//! A setting, and the line that it stands on.

use session_crypto_core::Fingerprint;

use crate::ffi::Place;

/// A value that a line of the configuration sets.
pub(crate) struct Written<T> {
    pub(crate) value: T,
    /// Stands for the value in a realm.
    pub(crate) fingerprint: Fingerprint,
    /// The directive that set it.
    pub(crate) directive: &'static str,
    pub(crate) place: Place,
}

impl<T> Written<T> {
    /// The directive, and its line.
    pub(crate) fn line(&self) -> (&'static str, &Place) {
        (self.directive, &self.place)
    }
}
