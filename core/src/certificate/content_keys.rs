//! The content keys that were encrypted to a certificate, by what they came from.

use zeroize::Zeroizing;

use crate::cache::key_cache::KeyCache;

/// What a content key came from: a certificate, by the number of its identity,
/// and SHA-256 of a header and an encrypted key that its private key signed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct ContentKeyId {
    /// The id of the certificate that the key is encrypted to.
    pub(crate) identity: u64,
    pub(crate) digest: [u8; 32],
}

/// The content keys of tokens with a certificate; `None` where the encrypted key holds
/// no key.
pub(crate) type ContentKeyCache = KeyCache<ContentKeyId, Option<Zeroizing<Vec<u8>>>>;
