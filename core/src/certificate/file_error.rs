//! The faults of a file that should have a certificate or a private key.

use openssl::error::ErrorStack;
use thiserror::Error;

use crate::libcrypto::verdict;

/// The fault of a file; the words go on after its name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FileError {
    /// The file has no bytes, or only white space.
    #[error("is empty")]
    Empty,
    /// A file that a `.htaccess` file names takes too long to open, or it does not
    /// say how long.
    #[error("takes more rounds to open than are allowed")]
    TooSlow,
    /// There are passphrases, and none opens it.
    #[error("is encrypted, and no passphrase of this section opens it")]
    Locked,
    /// There is no passphrase to try.
    #[error("is encrypted, and this section has no passphrase")]
    NoPassphrase,
    /// The passphrases of a `.htaccess` file take more attempts than this many,
    /// for which a request waits.
    #[error("is encrypted, and {0} attempts have not opened the private keys of this section")]
    TooManyAttempts(u64),
    /// It begins like a certificate or a key, and is none.
    #[error("has a certificate or private key that OpenSSL cannot read")]
    Broken,
    /// This host failed, and the file may be a good one.
    #[error("could not be looked at: OpenSSL failed, perhaps for want of memory")]
    Failed,
    /// There is no certificate, where one is looked for.
    #[error("has no certificate in it")]
    NoCertificate,
    /// There is no private key, where one is looked for.
    #[error("has no private key in it")]
    NoKey,
}

impl FileError {
    /// Makes the fault of a file that OpenSSL could not read of its errors.
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
