//! Where tokens and sessions are written.

/// Memory that outlives the call: a request's pool, in httpd.
///
/// Formats ask for exactly what they write, so that nothing is copied twice.
pub trait Arena<'a> {
    /// Returns `len` bytes, zeroed, that nobody else refers to.
    fn bytes(&self, len: usize) -> &'a mut [u8];
}

#[cfg(test)]
pub(crate) mod heap {
    use super::Arena;

    /// An arena for tests: what it hands out is never freed.
    pub(crate) struct Heap;

    impl Arena<'static> for Heap {
        fn bytes(&self, len: usize) -> &'static mut [u8] {
            vec![0; len].leak()
        }
    }
}
