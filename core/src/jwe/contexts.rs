//! AES-GCM contexts under the content keys of tokens.

use crate::counters::key::CountedAs;
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::Parts;
use crate::purpose::Purpose;

/// The source of a content key: the ids, in this process, of all that the key follows from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeySource {
    /// The id of a passphrase or of a certificate.
    pub(crate) secret: u64,
    pub(crate) digest: usize,
    pub(crate) cipher: usize,
}

/// A context that encrypts, and the beginning of the tokens that it makes.
pub(crate) struct SealingContext {
    pub(crate) context: AeadContext,
    /// In base64url.
    pub(crate) header: String,
    /// In base64url; empty with a passphrase.
    pub(crate) encrypted_key: String,
    pub(crate) source: KeySource,
    pub(crate) counted_as: CountedAs,
    /// The number of the day or the hour during which the key encrypts.
    pub(crate) period: u64,
    pub(crate) purpose: Option<Purpose>,
}

impl SealingContext {
    /// Whether this context encrypts sessions for a purpose, under a key from this source,
    /// during a period.
    pub(crate) fn is_for(&self, source: KeySource, period: u64, purpose: Option<&Purpose>) -> bool {
        self.source == source && self.period == period && self.purpose.as_ref() == purpose
    }
}

/// The contexts that decrypt, those used last first.
///
/// There are a few, for the keys of today and yesterday and of a section or two.
#[derive(Default)]
pub(crate) struct OpeningContexts(Vec<OpeningContext>);

/// A context that has decrypted a token, and the beginning of that token. The header of a
/// token with the same beginning need not be read again.
pub(crate) struct OpeningContext {
    pub(crate) context: AeadContext,
    pub(crate) source: KeySource,
    pub(crate) counted_as: CountedAs,
    header: Vec<u8>,
    encrypted_key: Vec<u8>,
    purpose: Option<Purpose>,
}

/// Most contexts that decrypt which are kept together.
const OPENING: usize = 4;

impl OpeningContexts {
    /// The context that has decrypted a token with the same beginning, for the same
    /// purpose, if its key is allowed.
    pub(crate) fn find(
        &mut self,
        parts: &Parts<'_>,
        purpose: Option<&Purpose>,
        mut is_allowed: impl FnMut(KeySource) -> bool,
    ) -> Option<&mut OpeningContext> {
        let index = self.0.iter().position(|opened| {
            opened.header == parts.header
                && opened.encrypted_key == parts.encrypted_key
                && opened.purpose.as_ref() == purpose
                && is_allowed(opened.source)
        })?;
        if index > 0 {
            self.0.get_mut(..=index)?.rotate_right(1);
        }
        self.0.first_mut()
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Keeps a context that has opened a token.
    pub(crate) fn keep(&mut self, opened: OpeningContext) {
        self.0.truncate(OPENING.saturating_sub(1));
        self.0.insert(0, opened);
    }
}

impl OpeningContext {
    /// Joins a context and the beginning of the token that it decrypts.
    pub(crate) fn new(
        context: AeadContext,
        (source, counted_as): (KeySource, CountedAs),
        parts: &Parts<'_>,
        purpose: Option<&Purpose>,
    ) -> Self {
        Self {
            context,
            source,
            counted_as,
            header: parts.header.to_vec(),
            encrypted_key: parts.encrypted_key.to_vec(),
            purpose: purpose.cloned(),
        }
    }
}
