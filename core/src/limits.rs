//! The longest session and the longest token.

/// The longest session, in bytes: 512 KiB. Cookies end at 4 KiB, and a
/// database has no use for more; the bound keeps every length an `int`.
pub(crate) const MAX_SESSION: usize = 512 * 1024;

/// The longest token, in characters: base64 of the longest session, and room
/// for any header.
pub(crate) const MAX_TOKEN: usize = 1024 * 1024;
