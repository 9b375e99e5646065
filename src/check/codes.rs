//! The codes of warnings that an administrator may accept.

use std::fmt;

/// The code of a warning, with which its message begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Code {
    /// A number of seconds has a unit.
    Unit,
    /// Encrypted sessions never end.
    NoEnd,
    /// A cookie lacks attributes.
    CookieAttributes,
    /// A login form keeps passwords in sessions in clear.
    FormInClear,
    /// A log has cookies or passwords.
    Log,
    /// A backend may get the cookie.
    CookieRemove,
}

impl Code {
    pub(crate) const ALL: [Self; 6] = [
        Self::Unit,
        Self::NoEnd,
        Self::CookieAttributes,
        Self::FormInClear,
        Self::Log,
        Self::CookieRemove,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Unit => "SC0401",
            Self::NoEnd => "SC0402",
            Self::CookieAttributes => "SC0403",
            Self::FormInClear => "SC0404",
            Self::Log => "SC0405",
            Self::CookieRemove => "SC0406",
        }
    }

    /// The code of this name; case does not matter.
    pub(crate) fn parse(name: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|code| name.eq_ignore_ascii_case(code.name().as_bytes()))
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Unit => 1,
            Self::NoEnd => 1 << 1,
            Self::CookieAttributes => 1 << 2,
            Self::FormInClear => 1 << 3,
            Self::Log => 1 << 4,
            Self::CookieRemove => 1 << 5,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A set of codes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Codes(u8);

impl Codes {
    /// Adds a code.
    pub(super) fn add(&mut self, code: Code) {
        self.0 |= code.bit();
    }

    /// The codes of both sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a code is in the set.
    pub(super) const fn has(self, code: Code) -> bool {
        self.0 & code.bit() != 0
    }
}
