//! The content keys that were unwrapped with keys of JWK Sets.

use zeroize::Zeroizing;

use crate::cache::key_cache::KeyCache;

/// The id of a content key: its wrapped form, under one key.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct WrappedKey {
    /// The number of the key that wraps.
    pub(crate) wrapping: u64,
    /// The wrapped key, with zeros after it.
    bytes: [u8; LONGEST],
    length: usize,
}

/// The content keys of tokens. A key gets here only if it was wrapped with a key of a set.
pub(crate) type UnwrappedKeys = KeyCache<WrappedKey, Zeroizing<Vec<u8>>>;

/// Bytes of the longest content key, wrapped.
const LONGEST: usize = 40;

impl WrappedKey {
    /// Takes a wrapped key; `None` if it is longer than one of a content key.
    pub(crate) fn new(wrapping: u64, wrapped: &[u8]) -> Option<Self> {
        let mut bytes = [0; LONGEST];
        bytes.get_mut(..wrapped.len())?.copy_from_slice(wrapped);
        Some(Self {
            wrapping,
            bytes,
            length: wrapped.len(),
        })
    }

    /// The wrapped key.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}
