//! The private key of a certificate: in memory, or on a hardware token.

use std::sync::Arc;

use openssl::pkey::{PKey, PKeyRef, Private};

use crate::engine::hardware::HardwareKey;
use crate::error::LibraryError;

/// A private key that can be used, but not always be had.
#[derive(Clone)]
pub(crate) enum PrivateKey {
    /// Read from a file.
    Memory(PKey<Private>),
    /// Behind a URI.
    Hardware(Arc<HardwareKey>),
}

impl PrivateKey {
    /// Does something with the key.
    ///
    /// # Errors
    ///
    /// Those of `work`; or the key is on a hardware token that is not there.
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
