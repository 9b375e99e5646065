//! The certificates or private keys of a section.

use session_crypto_core::{Fingerprint, Source};

use crate::ffi::Place;

/// Files and URIs, each with the line that names it.
#[derive(Clone, Default)]
pub(crate) struct Files {
    sources: Vec<Source>,
    places: Vec<Place>,
    fingerprint: Fingerprint,
}

impl Files {
    /// Adds what a line names.
    pub(crate) fn extend(&mut self, more: Vec<Source>, place: &Place) {
        self.places.extend(more.iter().map(|_| place.clone()));
        self.sources.extend(more);
        let ids: Vec<_> = self.sources.iter().map(Source::id).collect();
        self.fingerprint = Fingerprint::of_numbers(&ids);
    }

    /// Stands for all of them in a realm.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The line that names one of them.
    pub(crate) fn place(&self, index: usize) -> Place {
        self.places.get(index).cloned().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }
}
