//! When the sessions of a section end, and the entries that name their users.

use std::ffi::CStr;

use super::dir_config::DirConfig;
use super::user_entries::{UserEntries, is_usual};

/// The lifetime of sessions whose section has none, where each must have one: 30 days,
/// in seconds.
pub(crate) const DEFAULT_LIFETIME: u64 = 30 * 86_400;

/// When the sessions of a section end.
#[derive(Clone, Copy)]
pub(crate) struct Policy<'p> {
    /// Seconds from the birth of a session to its end.
    pub(crate) lifetime: Option<u64>,
    /// The moment, in Unix seconds, from which on older sessions are refused.
    pub(crate) not_before: Option<u64>,
    user_entries: Option<&'p UserEntries>,
}

impl<'p> DirConfig<'p> {
    /// The policy of a section.
    pub(crate) fn policy(&self) -> Policy<'p> {
        Policy {
            lifetime: self.lifetime.map(|bound| bound.value.value),
            not_before: self.not_before.map(|bound| bound.value.value),
            user_entries: self.user_entries,
        }
    }
}

impl Policy<'_> {
    /// Whether sessions get a birth and a name.
    pub(crate) fn is_in_force(&self) -> bool {
        self.lifetime.is_some() || self.not_before.is_some()
    }

    /// Whether an entry of this name names the session's user.
    pub(crate) fn names_user(&self, name: &CStr) -> bool {
        let name = name.to_bytes();
        match self.user_entries {
            Some(entries) => entries.has(name),
            None => is_usual(name),
        }
    }
}
