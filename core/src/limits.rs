//! The longest session, the longest token and the largest JWK Set.

/// Bytes of the longest session: 512 KiB. Browsers limit a cookie to 4 KiB, and sessions
/// in a database need no more than this. OpenSSL's lengths are `int`, which this bound
/// never exceeds.
pub(crate) const MAX_SESSION: usize = 512 * 1024;

/// Characters of the longest token: the base64 of the longest session, with room for
/// any header.
pub(crate) const MAX_TOKEN: usize = 1024 * 1024;

/// Bytes of the longest text of a JWK Set: 64 KiB, of which 64 keys take a quarter.
pub(crate) const MAX_KEY_SET: usize = 64 * 1024;

/// The most keys of a JWK Set.
pub(crate) const MAX_KEYS: usize = 64;
