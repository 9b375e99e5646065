//! A content key, encrypted to a certificate and signed.

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::cache::envelopes::{Envelope, EnvelopeUse};
use crate::certificate::identity::Identity;
use crate::certificate::wrapping::Wrapping;
use crate::error::LibraryError;
use crate::jwe::header::UnsignedHeader;

/// Makes an envelope: encrypts a content key to a certificate, and signs it with the
/// private key.
///
/// # Errors
///
/// OpenSSL fails, or the hardware token with the private key does not do its part.
pub(crate) fn seal(
    identity: &Identity,
    usage: &EnvelopeUse<Wrapping>,
    enc: &str,
    content_key: Zeroizing<Vec<u8>>,
) -> Result<Envelope, LibraryError> {
    let certificate = &identity.certificate;
    let wrapped = usage.wrapping.wrap(&certificate.key, &content_key)?;
    let encrypted_key = URL_SAFE_NO_PAD.encode_to_string(&wrapped.encrypted_key);
    let header = UnsignedHeader::new(
        usage.wrapping,
        enc,
        &certificate.thumbprint,
        usage.purpose.as_ref(),
        wrapped.point.as_ref(),
    );
    let signature = identity.sign(header.signing_input(&encrypted_key).as_bytes())?;
    Ok(Envelope {
        content_key,
        header: header.signed(&signature),
        encrypted_key,
    })
}
