//! The entries of a session that name its user.

use std::ffi::CStr;

use session_crypto_core::Fingerprint;

use crate::ffi::Line;

/// The names that a section gives.
pub(crate) struct UserEntries {
    names: Vec<Vec<u8>>,
    /// Stands for the names in a realm.
    pub(super) fingerprint: Fingerprint,
    line: Line,
}

/// The directive that names entries.
const USER_ENTRY: &str = "SessionCryptoUserEntry";

impl UserEntries {
    pub(super) fn new(names: &[&CStr], line: Line) -> Self {
        let mut entries = Self {
            names: Vec::new(),
            fingerprint: Fingerprint::default(),
            line,
        };
        entries.extend(names);
        entries
    }

    /// These names, and more of them.
    pub(super) fn longer(&self, names: &[&CStr]) -> Self {
        let mut longer = Self {
            names: self.names.clone(),
            fingerprint: self.fingerprint,
            line: self.line.clone(),
        };
        longer.extend(names);
        longer
    }

    pub(super) fn directive_and_line(&self) -> (&'static str, &Line) {
        (USER_ENTRY, &self.line)
    }

    fn extend(&mut self, names: &[&CStr]) {
        self.names
            .extend(names.iter().map(|name| name.to_bytes().to_owned()));
        self.fingerprint = Fingerprint::of(self.names.iter().map(Vec::as_slice));
    }

    /// The names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &[u8]> {
        self.names.iter().map(Vec::as_slice)
    }

    /// Whether an entry of this name is one of them. The case of names does not count, as
    /// in mod_session.
    pub(super) fn has(&self, name: &[u8]) -> bool {
        let mut names = self.names.iter();
        names.any(|known| known.eq_ignore_ascii_case(name))
    }
}

/// Whether an entry of this name is `user`, or ends in `-user` as those of mod_auth_form
/// do (mod_auth_form.c, set_session_auth).
pub(super) fn is_usual(name: &[u8]) -> bool {
    let Some((rest, user)) = name.split_last_chunk::<4>() else {
        return false;
    };
    user.eq_ignore_ascii_case(b"user") && (rest.is_empty() || rest.ends_with(b"-"))
}
