//! The longest session and the longest token.

/// Bytes of the longest session: 512 KiB. Browsers limit a cookie to 4 KiB, and sessions
/// in a database need no more than this. OpenSSL's lengths are `int`, which this bound
/// never exceeds.
pub(crate) const MAX_SESSION: usize = 512 * 1024;

/// Characters of the longest token: the base64 of the longest session, with room for
/// any header.
pub(crate) const MAX_TOKEN: usize = 1024 * 1024;
