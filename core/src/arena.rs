//! Where tokens and sessions are written.

/// Memory that outlives the call: a request's pool, in httpd.
///
/// Formats ask for exactly what they write, so that nothing is copied twice.
pub trait Arena<'a> {
    /// Returns `len` bytes, zeroed, that nobody else refers to.
    fn bytes(&self, len: usize) -> &'a mut [u8];
}
