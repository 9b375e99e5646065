//! The messages with which httpd does not start.

use session_crypto_core::{AlgorithmError, LibraryError};

use crate::advice;
use crate::config::CERTIFICATE_FILE;
use crate::ffi::Line;
use crate::message::{Code, Message};

/// A key cannot be made.
const NO_KEY: Code = Code("SC0512");

/// A key cannot be made with the private key of a certificate.
const NO_KEY_OF_CERTIFICATE: Code = Code("SC0513");

/// A thread that derives keys has failed.
const NO_THREAD: Code = Code("SC0514");

/// OpenSSL lacks an algorithm.
const NO_ALGORITHM: Code = Code("SC0515");

/// OpenSSL fails as httpd starts.
pub(crate) fn cannot_start(error: AlgorithmError) -> Message {
    NO_ALGORITHM.says(format!(
        "OpenSSL lacks what this module cannot do without: {error}: look with 'openssl list \
         -providers' at what openssl.cnf loads, or the file that OPENSSL_CONF names to httpd"
    ))
}

/// A key could not be made in advance.
pub(crate) fn cannot_seal(error: &LibraryError) -> Message {
    NO_KEY.says(words(error))
}

/// A key could not be made in advance with the private key of the certificate in a file or
/// URI, which stands on a line.
pub(crate) fn cannot_seal_for(line: &Line, name: &str, error: &LibraryError) -> Message {
    NO_KEY_OF_CERTIFICATE.says(format!(
        "{line}: {CERTIFICATE_FILE}: {name}: {}: its private key must be there, and have the \
         right to sign and to decrypt (RSA) or derive (EC)",
        words(error)
    ))
}

/// The system has no threads.
pub(crate) fn no_thread() -> Message {
    NO_THREAD.says("sessions cannot be sealed: a thread that derives keys has failed")
}

fn words(error: &LibraryError) -> String {
    format!("sessions cannot be sealed: {}", advice::library(error))
}
