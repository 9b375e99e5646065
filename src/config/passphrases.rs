//! The passphrases of a section.

use std::sync::Arc;

use session_crypto_core::{Fingerprint, Origin, PassphraseList};

use crate::ffi::{Line, Parms};
use crate::message::Message;
use crate::secrets::passphrases::{PassphraseWarning, PassphrasesRead};

/// A list of passphrases, with the line that began it and the warnings about it.
#[derive(Clone)]
pub(crate) struct Passphrases {
    pub(crate) list: PassphraseList,
    pub(crate) origin: Origin,
    /// The first line that has some of them.
    pub(crate) line: Line,
    /// Stands for the list in a realm.
    pub(super) fingerprint: Fingerprint,
    warnings: Vec<Arc<PassphraseWarning>>,
}

impl Passphrases {
    /// Makes a list of the passphrases that a line gives.
    pub(crate) fn new(read: PassphrasesRead, parms: &Parms<'_>) -> Self {
        let list = PassphraseList::from_iter(read.passphrases);
        Self {
            fingerprint: fingerprint(&list),
            list,
            origin: parms.origin(),
            line: parms.line(),
            warnings: read.warnings,
        }
    }

    /// Makes a list of these passphrases and those that another line gives.
    pub(crate) fn longer(&self, more: PassphrasesRead) -> Self {
        let mut longer = self.clone();
        longer.list.extend(more.passphrases);
        longer.fingerprint = fingerprint(&longer.list);
        longer.warnings.extend(more.warnings);
        longer
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The warnings about the list; weak passphrases are warned of only if the list
    /// opens sessions, and not if it just opens private keys.
    pub(crate) fn warnings(&self, opens: bool) -> impl Iterator<Item = &Message> {
        let warnings = self.warnings.iter();
        warnings
            .filter(move |warning| opens || !warning.is_about_sessions)
            .map(|warning| &warning.message)
    }
}

fn fingerprint(list: &PassphraseList) -> Fingerprint {
    Fingerprint::of_numbers(list.ids())
}
