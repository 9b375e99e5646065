//! A secret that follows from a private key alone.
//!
//! The key may be on a hardware token, which does not reveal it. So the secret is the result
//! of an operation that has no random part. It is the same for a key in a file, and for the
//! same key on a hardware token: a farm may have both.
//!
//! | key | secret |
//! |---|---|
//! | RSA | the RSASSA-PSS signature of a text, with SHA-256 and without salt (RFC 8017, section 8.1) |
//! | EC | the shared secret of ECDH with the key itself |
//!
//! Neither leaves the process. Tokens have signatures of other texts, with salt; and the
//! point of a token that meets the private key must have been signed by it.

use openssl::error::ErrorStack;
use openssl::pkey::{PKeyRef, Private};
use openssl::sign::RsaPssSaltlen;
use zeroize::Zeroizing;

use crate::certificate::certificate::{Certificate, KeyKind};
use crate::certificate::signature;
use crate::certificate::wrapping;
use crate::error::LibraryError;

/// The text that an RSA key signs.
const TEXT: &[u8] = b"mod_session_crypto users 1";

/// The action, in errors.
const ACTION: &str = "make the key of ids of users";

/// Makes the secret of a certificate's private key.
///
/// # Errors
///
/// OpenSSL fails, or the hardware token with the key cannot do the operation.
pub(crate) fn of(
    certificate: &Certificate,
    key: &PKeyRef<Private>,
) -> Result<Zeroizing<Vec<u8>>, LibraryError> {
    let secret = match certificate.kind {
        KeyKind::Rsa { .. } => signature(certificate, key),
        KeyKind::Ec(_) => wrapping::shared_secret(key, &certificate.key).map(Some),
    };
    let secret = secret.map_err(|stack| LibraryError::new(ACTION, &stack))?;
    secret.ok_or_else(|| LibraryError::because(ACTION, "the signature has a salt"))
}

/// The signature without salt; `None` if the hardware token has used salt all the same.
fn signature(
    certificate: &Certificate,
    key: &PKeyRef<Private>,
) -> Result<Option<Zeroizing<Vec<u8>>>, ErrorStack> {
    let no_salt = || RsaPssSaltlen::custom(0);
    let signature = Zeroizing::new(signature::sign_rsa(key, TEXT, no_salt())?);
    let has_no_salt = signature::verify_rsa(&certificate.key, TEXT, &signature, no_salt())?;
    Ok(has_no_salt.then_some(signature))
}
