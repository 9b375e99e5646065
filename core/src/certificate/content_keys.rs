//! The content keys that were decrypted with a private key, by the tokens that brought
//! them.

use zeroize::Zeroizing;

use crate::cache::key_cache::KeyCache;

/// The id of a content key in the cache.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContentKeyId {
    /// The id of the certificate's identity.
    pub(crate) identity: u64,
    /// SHA-256 of a token's header and encrypted key, which the private key has signed.
    pub(crate) digest: [u8; 32],
}

/// The content keys of tokens with a certificate; `None` for an encrypted key that
/// contains no key.
pub(crate) type ContentKeyCache = KeyCache<ContentKeyId, Option<Zeroizing<Vec<u8>>>>;
