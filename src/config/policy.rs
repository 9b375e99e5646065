//! When the sessions of a section end, and the entries that name their users.

use std::ffi::CStr;

use super::dates::Dates;
use super::dir_config::DirConfig;
use super::end_sessions_for::EndSessionsFor;
use super::user_entries::{UserEntries, is_usual};
use super::written::Written;
use crate::ffi::Line;

/// The lifetime of sessions whose section has none, where each must have one: 30 days,
/// in seconds.
pub(crate) const DEFAULT_LIFETIME: u64 = 30 * 86_400;

/// When the sessions of a section end.
#[derive(Clone, Copy)]
pub(crate) struct Policy<'p> {
    /// Seconds from the birth of a session to its end.
    pub(crate) lifetime: Option<u64>,
    /// The moments from each of which on older sessions are refused.
    pub(crate) not_before: Option<&'p Dates>,
    user_entries: Option<&'p UserEntries>,
    /// Sessions are bound to devices by their births and names.
    binds: bool,
    /// A request may end the sessions of any user whom it names.
    pub(crate) ends_any: bool,
}

impl<'p> DirConfig<'p> {
    /// Whether sessions of the section get a birth and a name.
    pub(crate) fn has_policy(&self) -> bool {
        self.lifetime.is_some() || self.not_before.is_some() || self.binds()
    }

    /// The directive that says whose sessions a request may end, and its line.
    pub(crate) fn end_sessions_for_line(&self) -> Option<(&'static str, &'p Line)> {
        self.end_sessions_for.map(Written::directive_and_line)
    }

    /// Whether sessions end here, now or later, while they go on in another section.
    pub(crate) fn ends_sooner_than(&self, other: &Self, now: u64) -> bool {
        let lifetime = |config: &Self| config.lifetime.map(|bound| bound.value.seconds);
        let is_shorter = |own| lifetime(other).is_none_or(|other| own < other);
        let is_later = |own: &Dates| {
            let others = other.not_before;
            others.is_none_or(|others| !own.are_no_stricter(others, now))
        };
        lifetime(self).is_some_and(is_shorter) || self.not_before.is_some_and(is_later)
    }

    /// The policy of a section.
    pub(crate) fn policy(&self) -> Policy<'p> {
        Policy {
            lifetime: self.lifetime.map(|bound| bound.value.seconds),
            not_before: self.not_before,
            user_entries: self.user_entries,
            binds: self.binds(),
            ends_any: self
                .end_sessions_for
                .is_some_and(|written| written.value == EndSessionsFor::Any),
        }
    }
}

impl<'p> Policy<'p> {
    /// The names that the section gives to the entries of a user; `None` if it has the usual
    /// ones.
    pub(crate) fn user_entries(&self) -> Option<&'p UserEntries> {
        self.user_entries
    }

    /// Whether sessions get a birth and a name.
    pub(crate) fn is_in_force(&self) -> bool {
        self.lifetime.is_some() || self.not_before.is_some() || self.binds
    }

    /// Whether an entry of this name names the session's user.
    pub(crate) fn names_user(&self, name: &CStr) -> bool {
        self.is_user_entry(name.to_bytes())
    }

    /// The same, for the bytes of a name.
    pub(crate) fn is_user_entry(&self, name: &[u8]) -> bool {
        match self.user_entries {
            Some(entries) => entries.has(name),
            None => is_usual(name),
        }
    }
}
