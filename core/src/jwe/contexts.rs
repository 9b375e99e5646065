//! The keys of tokens in the JWE format, in contexts that are kept.

use crate::certificate::wrapping::Wrapping;
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::Parts;
use crate::purpose::Purpose;

/// What a content key goes by in this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ContentKeyName {
    /// The key of a day, expanded from a passphrase.
    Day {
        passphrase: u64,
        digest: usize,
        cipher: usize,
        day: u32,
    },
    /// A key of an hour, encrypted to a certificate. Of a token that is opened
    /// the hour is not known, nor needed, and 0.
    Wrapped {
        identity: u64,
        wrapping: Wrapping,
        cipher: usize,
        hour: u64,
    },
}

/// The context that seals, and the beginning of the tokens that it makes.
pub(crate) struct SealingContext {
    pub(crate) context: AeadContext,
    /// In base64url, as the next.
    pub(crate) header: String,
    /// Empty where the key is that of a day.
    pub(crate) encrypted_key: String,
    pub(crate) name: ContentKeyName,
    pub(crate) purpose: Option<Purpose>,
}

impl SealingContext {
    pub(crate) fn is_for(&self, name: &ContentKeyName, purpose: Option<&Purpose>) -> bool {
        self.name == *name && self.purpose.as_ref() == purpose
    }
}

/// The contexts that open, the one used last in front.
///
/// Today's and yesterday's key, and those of a section or two beside.
#[derive(Default)]
pub(crate) struct OpeningKeys(Vec<OpeningContext>);

/// A context that has opened a token, and that token's beginning: one that
/// begins alike needs no look at its header.
pub(crate) struct OpeningContext {
    pub(crate) context: AeadContext,
    pub(crate) name: ContentKeyName,
    header: Vec<u8>,
    encrypted_key: Vec<u8>,
    purpose: Option<Purpose>,
}

/// Contexts that open, of each bench.
const OPENING: usize = 4;

impl OpeningKeys {
    /// The context that has opened a token which begins like this one, for
    /// this purpose.
    pub(crate) fn find(
        &mut self,
        parts: &Parts<'_>,
        purpose: Option<&Purpose>,
        mut is_allowed: impl FnMut(&ContentKeyName) -> bool,
    ) -> Option<&mut OpeningContext> {
        let index = self.0.iter().position(|held| {
            held.header == parts.header
                && held.encrypted_key == parts.encrypted_key
                && held.purpose.as_ref() == purpose
                && is_allowed(&held.name)
        })?;
        self.0.get_mut(..=index)?.rotate_right(1);
        self.0.first_mut()
    }

    /// Keeps a context, now that a token has opened under it.
    pub(crate) fn keep(&mut self, opened: OpeningContext) {
        self.0.truncate(OPENING.saturating_sub(1));
        self.0.insert(0, opened);
    }
}

impl OpeningContext {
    pub(crate) fn new(
        context: AeadContext,
        name: ContentKeyName,
        parts: &Parts<'_>,
        purpose: Option<&Purpose>,
    ) -> Self {
        Self {
            context,
            name,
            header: parts.header.to_vec(),
            encrypted_key: parts.encrypted_key.to_vec(),
            purpose: purpose.cloned(),
        }
    }
}
