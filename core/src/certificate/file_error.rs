//! What is wrong with a file that should have a certificate or a private key.

use openssl::error::ErrorStack;
use thiserror::Error;

use crate::certificate::attempts::MAX_ATTEMPTS;
use crate::libcrypto::verdict;

/// What is wrong with a file; the words go on after its name.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum FileError {
    /// No bytes at all.
    #[error("is empty: write the name of a file in PEM, DER or PKCS#12")]
    Empty,
    /// Takes too long to open, or nobody knows how long, in a `.htaccess` file.
    #[error(
        "takes more rounds to open than are allowed in .htaccess, or is PKCS#12: write a \
         private key in PEM that is not encrypted, or by 'openssl pkcs8 -topk8', or set it in \
         the server configuration"
    )]
    TooSlow,
    /// There is something, but no passphrase opens it.
    #[error(
        "is encrypted, and no passphrase of this section opens it: write the right one \
         with SessionCryptoPassphrase or SessionCryptoPassphraseFile"
    )]
    Locked,
    /// As above, with no passphrase to try.
    #[error(
        "is encrypted, and this section has no passphrase: write the one that opens it \
         with SessionCryptoPassphrase or SessionCryptoPassphraseFile"
    )]
    NoPassphrase,
    /// The author of a `.htaccess` file has more tried than a request waits for.
    #[error(
        "is encrypted, and {MAX_ATTEMPTS} attempts have not opened the private keys of this \
         section, which are all that there are in .htaccess: write the right passphrase first, \
         or fewer passphrases and keys"
    )]
    TooManyAttempts,
    /// It begins like a certificate or a key, and is none.
    #[error("has a certificate or private key that OpenSSL cannot read: write it anew")]
    Broken,
    /// This host failed, and the file may be a good one.
    #[error("could not be looked at: OpenSSL failed, perhaps for want of memory")]
    Failed,
    /// Neither certificate nor key.
    #[error("has no certificate in it: write the name of a file in PEM, DER or PKCS#12")]
    NoCertificate,
    /// Neither key nor certificate.
    #[error("has no private key in it: write the name of a file in PEM, DER or PKCS#12")]
    NoKey,
}

impl FileError {
    /// Turns OpenSSL's errors into what is wrong with the file that it could not read.
    pub(crate) fn of(stack: &ErrorStack) -> Self {
        if verdict::is_fatal(stack) {
            Self::Failed
        } else {
            Self::Broken
        }
    }
}

/// The result of parsing; `None` if OpenSSL does not take the bytes for that.
pub(crate) fn taken<T>(outcome: Result<T, ErrorStack>) -> Result<Option<T>, FileError> {
    match outcome {
        Ok(found) => Ok(Some(found)),
        Err(stack) if verdict::is_fatal(&stack) => Err(FileError::Failed),
        Err(_) => Ok(None),
    }
}
