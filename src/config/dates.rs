//! The dates of a section, each of which ends older sessions once it has come.

use session_crypto_core::{Fingerprint, Origin};

use crate::ffi::Line;

/// Moments in Unix seconds.
pub(crate) struct Dates {
    dates: Vec<u64>,
    origin: Origin,
    /// Stands for the dates in a realm.
    pub(super) fingerprint: Fingerprint,
    line: Line,
}

/// The directive that sets dates.
const NOT_BEFORE: &str = "SessionCryptoNotBefore";

impl Dates {
    pub(super) fn new(date: u64, origin: Origin, line: Line) -> Self {
        Self {
            dates: vec![date],
            origin,
            fingerprint: Fingerprint::of_number(date),
            line,
        }
    }

    /// These dates, and another one.
    pub(super) fn longer(&self, date: u64) -> Self {
        let dates: Vec<_> = self.dates.iter().copied().chain([date]).collect();
        Self {
            origin: self.origin,
            fingerprint: Fingerprint::of_numbers(&dates),
            line: self.line.clone(),
            dates,
        }
    }

    /// The latest date that has come: sessions that began before it are refused.
    pub(crate) fn latest(&self, now: u64) -> Option<u64> {
        let dates = self.dates.iter().copied();
        dates.filter(|date| *date <= now).max()
    }

    /// Whether these dates end no session that others let in, now or later.
    pub(super) fn are_no_stricter(&self, others: &Self, now: u64) -> bool {
        let latest = others.latest(now);
        let is_met = |date: &u64| {
            others.dates.contains(date) || latest.is_some_and(|latest| *date <= latest)
        };
        self.dates.iter().all(is_met)
    }

    pub(super) fn directive_and_line(&self) -> (&'static str, &Line) {
        (NOT_BEFORE, &self.line)
    }
}

/// The dates in force in an inner section: its own ones, unless they stand in a `.htaccess`
/// file and let in sessions that the outer ones refuse now.
pub(super) fn stricter<'p>(
    base: Option<&'p Dates>,
    add: Option<&'p Dates>,
    now: impl FnOnce() -> u64,
) -> Option<&'p Dates> {
    let (Some(outer), Some(inner)) = (base, add) else {
        return add.or(base);
    };
    if inner.origin != Origin::Htaccess {
        return add;
    }
    // httpd reads a `.htaccess` file with each request, so the answer is never an old one.
    let now = now();
    if outer.latest(now) > inner.latest(now) {
        base
    } else {
        add
    }
}
