//! What is wrong with settings that each by itself is right.

use std::fmt;

use crate::ffi::Place;

/// Settings that cannot be used together.
#[derive(Clone, Debug)]
pub(crate) struct Flaw {
    /// The line at fault, if it is one.
    pub(crate) place: Option<Place>,
    /// What is wrong, and what to write instead.
    pub(crate) message: String,
    /// Which settings of another section might mend it.
    pub(crate) mended_by: Mends,
}

impl fmt::Display for Flaw {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(formatter, "{place}: ")?;
        }
        formatter.write_str(&self.message)
    }
}

/// A set of settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mends(u8);

impl Mends {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const PASSPHRASES: Self = Self(1);
    pub(crate) const CERTIFICATES: Self = Self(1 << 1);
    pub(crate) const KEYS: Self = Self(1 << 2);
    pub(crate) const ENGINE: Self = Self(1 << 3);
    pub(crate) const CIPHERS: Self = Self(1 << 4);
    pub(crate) const DIGEST: Self = Self(1 << 5);

    /// The settings that sessions are encrypted under.
    pub(crate) const SECRETS: Self = Self::PASSPHRASES.and(Self::CERTIFICATES).and(Self::KEYS);

    /// The settings of both.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The settings, if they are set.
    pub(crate) const fn if_set(self, is_set: bool) -> Self {
        if is_set { self } else { Self::NOTHING }
    }

    /// Whether the two have a setting in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The settings that `other` has not.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
