//! Certificates, and the kinds of keys that can be used.

use std::fmt;

use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::ec::Asn1Flag;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{HasPublic, Id, PKey, PKeyRef, Public};
use openssl::sha::Sha256;
use openssl::x509::X509;
use thiserror::Error;

use crate::libcrypto::verdict;

/// A certificate that sessions can be sealed for.
pub(crate) struct Certificate {
    pub(crate) key: PKey<Public>,
    pub(crate) kind: KeyKind,
    /// SHA-256 of the certificate's DER: `x5t#S256` of RFC 7515, section 4.1.8.
    pub(crate) thumbprint: [u8; THUMBPRINT],
    /// From and until when it is valid, in Unix seconds.
    valid: Option<(i64, i64)>,
}

pub(crate) const THUMBPRINT: usize = 32;

/// The kinds of keys that JWE defines a use for (RFC 7518, section 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyKind {
    /// RSA, with the bytes of the modulus.
    Rsa { size: usize },
    /// An elliptic curve of NIST.
    Ec(Curve),
}

/// A curve of RFC 7518, section 6.2.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

/// The fewest bits of an RSA modulus: shorter ones are no longer allowed (NIST SP
/// 800-131A, section 6).
const MIN_RSA_BITS: u32 = 2048;

/// The type of a key that cannot be used, with its size or curve.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("a key of {0}, with which sessions cannot be sealed")]
pub struct UnusableKey(String);

/// The reason why a certificate or its key is not used.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The key cannot be used.
    Key(UnusableKey),
    /// OpenSSL failed, and the certificate may be a good one.
    Failed,
}

impl Unfit {
    fn of(stack: &ErrorStack, found: &str) -> Self {
        if verdict::is_fatal(stack) {
            Self::Failed
        } else {
            Self::Key(UnusableKey(found.to_owned()))
        }
    }
}

/// The relation of a time to the dates of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// The time is between the dates.
    Valid,
    /// The time is after the later date.
    Expired,
    /// The time is before the earlier date.
    NotYetValid,
}

impl Certificate {
    /// Takes a certificate whose key can be used.
    pub(crate) fn new(x509: X509) -> Result<Self, Unfit> {
        verdict::forget_errors();
        let key = public_key(&x509)?;
        let kind = KeyKind::of(&key)?;
        let unwritten = |stack| Unfit::of(&stack, "a certificate that cannot be written");
        let der = x509.to_der().map_err(unwritten)?;
        Ok(Self {
            key,
            kind,
            thumbprint: thumbprint(&der),
            // Only the dates are kept, because a certificate may be large.
            valid: seconds(x509.not_before()).zip(seconds(x509.not_after())),
        })
    }

    /// Compares the dates of the certificate with a time in Unix seconds. A certificate
    /// whose dates cannot be read counts as valid.
    pub(crate) fn validity(&self, now: u64) -> Validity {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        match self.valid {
            Some((from, _)) if now < from => Validity::NotYetValid,
            Some((_, until)) if now > until => Validity::Expired,
            _ => Validity::Valid,
        }
    }
}

/// The key of a certificate.
///
/// OpenSSL decodes the key as it reads the certificate. If it lacks memory just then, it
/// keeps a certificate without a key, and no error. So one without a key is read again.
fn public_key(x509: &X509) -> Result<PKey<Public>, Unfit> {
    let unknown = |stack| Unfit::of(&stack, "a type that OpenSSL does not know");
    let read_again = || X509::from_der(&x509.to_der()?)?.public_key();
    x509.public_key().or_else(|_| read_again()).map_err(unknown)
}

/// SHA-256 of a certificate. Unlike OpenSSL's function for certificates, which fetches
/// the digest first, this cannot fail.
fn thumbprint(der: &[u8]) -> [u8; THUMBPRINT] {
    let mut hash = Sha256::new();
    hash.update(der);
    hash.finish()
}

/// The time of a date, in Unix seconds.
fn seconds(date: &Asn1TimeRef) -> Option<i64> {
    let since = Asn1Time::from_unix(0).ok()?.diff(date).ok()?;
    i64::from(since.days)
        .checked_mul(86_400)?
        .checked_add(i64::from(since.secs))
}

impl KeyKind {
    /// The kind of a key, if it can be used.
    pub(crate) fn of<T: HasPublic>(key: &PKeyRef<T>) -> Result<Self, Unfit> {
        let unusable = |found: &str| Err(Unfit::Key(UnusableKey(found.to_owned())));
        match key.id() {
            Id::RSA if key.bits() < MIN_RSA_BITS => {
                unusable(&format!("type RSA and {} bits", key.bits()))
            }
            Id::RSA => Ok(Self::Rsa { size: key.size() }),
            Id::EC => {
                // Without memory, OpenSSL may say that it cannot convert the key, and no more.
                let key = match key.ec_key().or_else(|_| key.ec_key()) {
                    Ok(key) => key,
                    Err(stack) => return Err(Unfit::of(&stack, "type EC on an unknown curve")),
                };
                // A certificate names its curve (RFC 5480, section 2.1.1). If it has
                // the curve's parameters instead, other libraries may not recognize the
                // curve.
                let is_named = key.group().asn1_flag() == Asn1Flag::NAMED_CURVE;
                let name = key.group().curve_name();
                match name.filter(|_| is_named) {
                    Some(Nid::X9_62_PRIME256V1) => Ok(Self::Ec(Curve::P256)),
                    Some(Nid::SECP384R1) => Ok(Self::Ec(Curve::P384)),
                    Some(Nid::SECP521R1) => Ok(Self::Ec(Curve::P521)),
                    Some(nid) => unusable(&format!(
                        "type EC on {}",
                        nid.short_name().unwrap_or("another curve")
                    )),
                    None => unusable("type EC on a curve without a name"),
                }
            }
            Id::ED25519 => unusable("type Ed25519"),
            Id::ED448 => unusable("type Ed448"),
            Id::X25519 => unusable("type X25519"),
            Id::X448 => unusable("type X448"),
            Id::DSA => unusable("type DSA"),
            Id::RSA_PSS => unusable("type RSA-PSS, which may only sign"),
            id => unusable(&format!(
                "type {}",
                Nid::from_raw(id.as_raw()).short_name().unwrap_or("unknown")
            )),
        }
    }

    /// The bytes of a signature.
    pub(crate) fn signature_length(self) -> usize {
        match self {
            Self::Rsa { size } => size,
            Self::Ec(curve) => curve.coordinate().saturating_mul(2),
        }
    }
}

impl Curve {
    /// The name of the curve: `crv` of a JWK.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
        }
    }

    pub(crate) fn nid(self) -> Nid {
        match self {
            Self::P256 => Nid::X9_62_PRIME256V1,
            Self::P384 => Nid::SECP384R1,
            Self::P521 => Nid::SECP521R1,
        }
    }

    /// The bytes of a coordinate, which are also half the bytes of a signature.
    pub(crate) fn coordinate(self) -> usize {
        match self {
            Self::P256 => 32,
            Self::P384 => 48,
            Self::P521 => 66,
        }
    }

    /// The digest of signatures (RFC 7518, section 3.4).
    pub(crate) fn digest(self) -> MessageDigest {
        match self {
            Self::P256 => MessageDigest::sha256(),
            Self::P384 => MessageDigest::sha384(),
            Self::P521 => MessageDigest::sha512(),
        }
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Certificate")
    }
}

#[cfg(test)]
mod tests {
    use openssl::base64;
    use openssl::dh::Dh;
    use openssl::dsa::Dsa;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::Private;

    use super::*;

    /// A key of RSA-PSS, of 1,024 bits, which `openssl genpkey` made.
    const RSA_PSS: &str = "MIGdMAsGCSqGSIb3DQEBCgOBjQAwgYkCgYEA4m8oiS1g/3wl+NzoATjK7v3STipP\
                           PQoXh3REI0m6vrGMMXxcTf8HUZryBokz+yQBVb5FVjNCnVI5jI/MMIwZ2Pwywh7v\
                           skOcCR54DRrZnwfDmen9hTDQ9yfri7VJuZ2ylJ5xo1FVyi+ZvO63BI5MOKNdAOL7\
                           KLUOfRHoDAm2gu8CAwEAAQ==";

    fn named<T: HasPublic>(key: &PKeyRef<T>) -> String {
        match KeyKind::of(key) {
            Err(Unfit::Key(error)) => error.to_string(),
            other => panic!("{other:?}"),
        }
    }

    /// A key that has the parameters of a curve in place of its name.
    fn without_a_name() -> PKey<Private> {
        let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        group.set_asn1_flag(Asn1Flag::EXPLICIT_CURVE);
        PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()
    }

    #[test]
    fn names_the_type_of_a_key_that_cannot_be_used() {
        let pss = base64::decode_block(RSA_PSS).unwrap();
        let pss = named(&PKey::public_key_from_der(&pss).unwrap());
        assert!(pss.contains("RSA-PSS, which may only sign"), "{pss}");
        let dh = Dh::get_2048_256().unwrap().generate_key().unwrap();
        for (key, expected) in [
            (PKey::generate_ed448().unwrap(), "type Ed448,"),
            (PKey::generate_x25519().unwrap(), "type X25519,"),
            (PKey::generate_x448().unwrap(), "type X448,"),
            (
                PKey::from_dsa(Dsa::generate(1024).unwrap()).unwrap(),
                "type DSA,",
            ),
            (PKey::from_dh(dh).unwrap(), "type dhpublicnumber,"),
            (without_a_name(), "type EC on a curve without a name,"),
        ] {
            let error = named(&key);
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }
}
