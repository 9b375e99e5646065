//! The faults of a file that should have a certificate or a private key.

use openssl::error::ErrorStack;
use thiserror::Error;

use crate::libcrypto::verdict;

/// The fault of a file. Its text goes on after the name of the file.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FileError {
    /// The file has no bytes, or only white space.
    #[error("is empty")]
    Empty,
    /// The file is named by `.htaccess`, and takes too long to open or does not say how
    /// long.
    #[error("takes more rounds to open than are allowed")]
    TooSlow,
    /// The private key is encrypted, and none of the passphrases opens it.
    #[error("is encrypted, and no passphrase of this section opens it")]
    Locked,
    /// The private key is encrypted by an algorithm that no provider of OpenSSL has, so
    /// that a right passphrase does not open it.
    #[error("is encrypted in a way that OpenSSL's providers do not have")]
    Unsupported,
    /// The private key is encrypted, and there is no passphrase to try.
    #[error("is encrypted, and this section has no passphrase")]
    NoPassphrase,
    /// The section needs more than this many attempts, and a `.htaccess` file is the
    /// cause. A request would wait for them.
    #[error("is encrypted, and {0} attempts have not opened the private keys of this section")]
    TooManyAttempts(u64),
    /// The file begins like a certificate or a key, but OpenSSL cannot read it.
    #[error("has a certificate or private key that OpenSSL cannot read")]
    Broken,
    /// This host failed, so the file may be a good one.
    #[error("could not be looked at: OpenSSL failed, perhaps for want of memory")]
    Failed,
    /// The file has no certificate, and one is needed.
    #[error("has no certificate in it")]
    NoCertificate,
    /// The file has no private key, and one is needed.
    #[error("has no private key in it")]
    NoKey,
}

impl FileError {
    /// The fault of a file that OpenSSL could not read, from the errors of OpenSSL.
    pub(crate) fn of(stack: &ErrorStack) -> Self {
        if verdict::is_fatal(stack) {
            Self::Failed
        } else {
            Self::Broken
        }
    }
}

/// The result of a parser; `None` if the bytes have another form.
pub(crate) fn parsed<T>(outcome: Result<T, ErrorStack>) -> Result<Option<T>, FileError> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(stack) if verdict::is_fatal(&stack) => Err(FileError::Failed),
        Err(_) => Ok(None),
    }
}
