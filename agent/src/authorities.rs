//! Authorities whose certificates are trusted.

use openssl::x509::X509;
use thiserror::Error;

/// Certificates of authorities that are trusted, beside those that OpenSSL trusts by
/// itself.
#[derive(Clone, Default)]
pub struct Authorities(pub(crate) Vec<X509>);

/// A text has no certificate, or something else that looks like one.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("has no certificate in PEM")]
pub struct NoCertificate;

impl Authorities {
    /// Reads certificates in PEM; other text beside them does not count.
    ///
    /// # Errors
    ///
    /// There is none, or one is damaged.
    pub fn from_pem(text: &[u8]) -> Result<Self, NoCertificate> {
        match X509::stack_from_pem(text) {
            Ok(certificates) if !certificates.is_empty() => Ok(Self(certificates)),
            _ => Err(NoCertificate),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Authorities, NoCertificate};

    #[test]
    fn a_text_without_a_certificate_is_refused() {
        for text in [
            "",
            "nothing",
            "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n",
        ] {
            assert!(
                matches!(Authorities::from_pem(text.as_bytes()), Err(NoCertificate)),
                "{text}"
            );
        }
    }
}
