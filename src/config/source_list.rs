//! The certificates or private keys of a section.

use session_crypto_core::{Fingerprint, Source};

use crate::ffi::Line;

/// Sources of certificates or private keys, each with the line that names it.
#[derive(Clone, Default)]
pub(crate) struct SourceList {
    sources: Vec<Source>,
    lines: Vec<Line>,
    fingerprint: Fingerprint,
}

impl SourceList {
    /// Adds the sources that a line names.
    pub(crate) fn extend(&mut self, more: Vec<Source>, line: &Line) {
        self.lines.extend(more.iter().map(|_| line.clone()));
        self.sources.extend(more);
        let ids: Vec<_> = self.sources.iter().map(Source::id).collect();
        self.fingerprint = Fingerprint::of_numbers(&ids);
    }

    /// Stands for the whole list in a realm.
    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The line that names the source at `index`.
    pub(crate) fn line(&self, index: usize) -> Line {
        self.lines.get(index).cloned().unwrap_or_default()
    }

    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }
}
