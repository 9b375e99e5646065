//! The private key of a certificate: in memory, or on a hardware token.

use std::sync::Arc;

use openssl::pkey::{PKey, PKeyRef, Private};

use crate::engine::hardware::HardwareKey;
use crate::error::LibraryError;

/// A private key that can be used, though its bytes may be out of reach.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    /// A key that was read from a file.
    Memory(PKey<Private>),
    /// A key behind a URI.
    Hardware(Arc<HardwareKey>),
}

impl PrivateKey {
    /// Calls `work` with the key.
    ///
    /// # Errors
    ///
    /// The errors of `work`, or the hardware token with the key is not there.
    pub(crate) fn with<T>(
        &self,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        match self {
            Self::Memory(key) => work(key),
            Self::Hardware(key) => key.with(work),
        }
    }
}
