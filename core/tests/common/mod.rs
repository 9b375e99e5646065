//! What the tests of this folder share.

use session_crypto_core::Arena;

/// An arena whose memory is never freed.
pub(crate) struct Leak;

impl Arena<'static> for Leak {
    fn bytes(&self, len: usize) -> &'static mut [u8] {
        vec![0; len].leak()
    }
}
