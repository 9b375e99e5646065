//! The warnings that an administrator may accept.

use crate::message::Code;

/// A kind of warnings that an administrator may accept by its code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Acceptable {
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

impl Acceptable {
    pub(crate) const ALL: [Self; 6] = [
        Self::Unit,
        Self::NoEnd,
        Self::CookieAttributes,
        Self::FormInClear,
        Self::Log,
        Self::CookieRemove,
    ];

    /// The code of its messages.
    pub(crate) const fn code(self) -> Code {
        Code(match self {
            Self::Unit => "SC0401",
            Self::NoEnd => "SC0402",
            Self::CookieAttributes => "SC0403",
            Self::FormInClear => "SC0404",
            Self::Log => "SC0405",
            Self::CookieRemove => "SC0406",
        })
    }

    /// The kind with this code; case does not matter.
    pub(crate) fn parse(code: &[u8]) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|warning| code.eq_ignore_ascii_case(warning.code().as_str().as_bytes()))
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

/// The kinds that an administrator accepts.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Accepted(u8);

impl Accepted {
    /// Adds a kind.
    pub(super) fn add(&mut self, warning: Acceptable) {
        self.0 |= warning.bit();
    }

    /// The kinds of both sets.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether a kind is in the set.
    pub(super) const fn has(self, warning: Acceptable) -> bool {
        self.0 & warning.bit() != 0
    }
}
