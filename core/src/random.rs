//! Where nonces and salts come from.

use crate::LibraryError;

/// A source of random bytes.
pub trait Random {
    /// Fills `bytes`.
    ///
    /// # Errors
    ///
    /// The source has none to give; `bytes` must not be used then.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError>;
}

/// OpenSSL's generator, which reseeds itself after a fork (`RAND_bytes(3)`).
#[derive(Debug, Default)]
pub struct OpenSslRandom;

impl Random for OpenSslRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
        openssl::rand::rand_bytes(bytes)
            .map_err(|stack| LibraryError::new("draw random bytes", &stack))
    }
}
