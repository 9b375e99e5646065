//! The passphrases of a section.

use std::sync::Arc;

use session_crypto_core::{Fingerprint, Origin, PassphraseList, Payer};

use crate::ffi::Place;
use crate::passphrases::{Caution, Found};

/// A list of passphrases, where it was written, and what to warn of.
#[derive(Clone)]
pub(crate) struct Passphrases {
    pub(crate) list: PassphraseList,
    pub(crate) origin: Origin,
    /// The first line that has some of them.
    pub(crate) place: Place,
    /// Stands for the list in a realm.
    pub(super) fingerprint: Fingerprint,
    cautions: Vec<Arc<Caution>>,
}

/// A line that has passphrases.
pub(crate) struct Line {
    /// How long they are kept.
    pub(crate) origin: Origin,
    /// The payer for their master keys.
    pub(crate) payer: Payer,
    pub(crate) place: Place,
}

impl Passphrases {
    /// Takes what a line has.
    pub(crate) fn new(found: Found, line: Line) -> Self {
        let list = PassphraseList::from_iter(found.passphrases).paid_by(line.payer);
        Self {
            fingerprint: fingerprint(&list),
            list,
            origin: line.origin,
            place: line.place,
            cautions: found.cautions,
        }
    }

    /// The same list, and what another line has.
    pub(crate) fn longer(&self, more: Found) -> Self {
        let mut longer = self.clone();
        longer.list.extend(more.passphrases);
        longer.fingerprint = fingerprint(&longer.list);
        longer.cautions.extend(more.cautions);
        longer
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// The warnings to give; those of passphrases that can be guessed only where
    /// these seal sessions, and do not just open private keys.
    pub(crate) fn cautions(&self, seals: bool) -> impl Iterator<Item = &str> {
        let cautions = self.cautions.iter();
        cautions
            .filter(move |caution| seals || !caution.is_of_sessions)
            .map(|caution| caution.message.as_str())
    }
}

fn fingerprint(list: &PassphraseList) -> Fingerprint {
    Fingerprint::of_numbers(list.ids())
}
