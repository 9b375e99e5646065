//! Sets of settings.

/// A set of the settings that a section may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SettingSet(u8);

impl SettingSet {
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const PASSPHRASES: Self = Self(1);
    pub(crate) const CERTIFICATES: Self = Self(1 << 1);
    pub(crate) const PRIVATE_KEYS: Self = Self(1 << 2);
    pub(crate) const ENGINE: Self = Self(1 << 3);
    pub(crate) const CIPHERS: Self = Self(1 << 4);
    pub(crate) const DIGEST: Self = Self(1 << 5);
    pub(crate) const KEY_FILE: Self = Self(1 << 6);

    /// The settings that ask for encryption.
    pub(crate) const SECRETS: Self = Self::PASSPHRASES
        .and(Self::CERTIFICATES)
        .and(Self::PRIVATE_KEYS)
        .and(Self::KEY_FILE);

    /// The settings of both sets.
    pub(crate) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The settings, if they are set; or else none.
    pub(crate) const fn if_set(self, is_set: bool) -> Self {
        if is_set { self } else { Self::NOTHING }
    }

    /// Whether the two have a setting in common.
    pub(crate) const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// The settings that `other` lacks.
    pub(crate) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}
