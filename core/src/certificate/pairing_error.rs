//! The reasons why certificates and private keys do not go together.

use std::sync::Arc;

use thiserror::Error;

use crate::certificate::certificate::UnusableKey;
use crate::certificate::file_error::FileError;
use crate::certificate::sources::Source;
use crate::error::LibraryError;

/// A fault of a certificate or a private key.
#[derive(Clone, Debug, Error)]
#[error("{name} {fault}")]
pub struct PairingError {
    /// The position of its source.
    pub position: SourcePosition,
    /// The name of its source, without a PIN.
    pub name: Arc<str>,
    /// The fault.
    pub fault: PairingFault,
}

/// The position of a source in the lists of a section, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourcePosition {
    /// A position in the list of certificates.
    Certificate(usize),
    /// A position in the list of private keys.
    Key(usize),
}

/// A source and its position.
#[derive(Clone, Copy)]
pub(crate) struct ListedSource<'c> {
    pub(crate) source: &'c Source,
    pub(crate) position: SourcePosition,
}

/// The fault of a certificate or a private key.
#[derive(Clone, Debug, Error)]
pub enum PairingFault {
    /// The file is at fault.
    #[error(transparent)]
    File(#[from] FileError),
    /// The key of the certificate cannot be used.
    #[error("has {0}")]
    Key(#[from] UnusableKey),
    /// OpenSSL failed.
    #[error(transparent)]
    Library(LibraryError),
    /// An engine or a provider failed at a URI.
    #[error(transparent)]
    Hardware(LibraryError),
    /// There is no engine for a URI.
    #[error("is not a file")]
    NoEngine,
    /// The PIN of a hardware token would be a passphrase of a `.htaccess` file.
    #[error("is on a hardware token, and a passphrase of .htaccess is not tried as its PIN")]
    PinOfHtaccess,
    /// The private key is encrypted, and the author of a `.htaccess` file has used up the
    /// allowance for attempts.
    #[error("is encrypted, and no passphrase has been tried on it yet")]
    Unpaid,
    /// The private key in the certificate's own file belongs to another certificate.
    #[error("has a private key that is not that of its certificate")]
    OtherPrivateKey,
    /// No source has the private key of the certificate.
    #[error("has a certificate, and nothing says where its private key is")]
    NoPrivateKey {
        /// The names of the sources that have private keys of other certificates.
        tried: Vec<Arc<str>>,
    },
}

impl PairingError {
    pub(crate) fn new(listed: ListedSource<'_>, fault: PairingFault) -> Self {
        Self {
            position: listed.position,
            name: listed.source.shared_name(),
            fault,
        }
    }
}
