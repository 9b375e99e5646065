//! Signatures as in JWS: RSASSA-PSS and ECDSA (RFC 7518, sections 3.4, 3.5).
//!
//! A certificate is public, so anybody can encrypt a token to it. The signature proves
//! that the server with the private key made the token.

use openssl::bn::BigNum;
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::md::{Md, MdRef};
use openssl::md_ctx::{MdCtx, MdCtxRef};
use openssl::pkey::{PKeyRef, Private, Public};
use openssl::rsa::Padding;
use openssl::sign::{RsaPssSaltlen, Signer};

use crate::certificate::certificate::{Curve, KeyKind};
use crate::error::LibraryError;
use crate::libcrypto::evp;
use crate::libcrypto::verdict::{self, Denial, Library};

/// Signs `input`. The signature has [`KeyKind::signature_length`] bytes.
pub(crate) fn sign(
    kind: KeyKind,
    key: &PKeyRef<Private>,
    input: &[u8],
) -> Result<Vec<u8>, LibraryError> {
    let signature = match kind {
        KeyKind::Rsa { .. } => sign_rsa(key, input, RsaPssSaltlen::DIGEST_LENGTH),
        KeyKind::Ec(curve) => sign_ec(curve, key, input),
    };
    let signature = signature.map_err(|stack| LibraryError::new("sign", &stack))?;
    if signature.len() == kind.signature_length() {
        Ok(signature)
    } else {
        Err(LibraryError::because(
            "sign",
            "the signature is not as long as the key",
        ))
    }
}

/// Whether `signature` is a signature of `input`.
///
/// # Errors
///
/// OpenSSL fails, which proves nothing against the signature.
pub(crate) fn verify(
    kind: KeyKind,
    key: &PKeyRef<Public>,
    input: &[u8],
    signature: &[u8],
) -> Result<bool, LibraryError> {
    match kind {
        KeyKind::Rsa { .. } => verify_rsa(key, input, signature, RsaPssSaltlen::DIGEST_LENGTH),
        KeyKind::Ec(curve) => verify_ec(curve, key, input, signature),
    }
    .map_err(|stack| LibraryError::new("verify a signature", &stack))
}

/// An RSASSA-PSS signature with SHA-256, and salt of this length.
pub(crate) fn sign_rsa(
    key: &PKeyRef<Private>,
    input: &[u8],
    salt: RsaPssSaltlen,
) -> Result<Vec<u8>, ErrorStack> {
    let mut signer = Signer::new(MessageDigest::sha256(), key)?;
    signer.set_rsa_padding(Padding::PKCS1_PSS)?;
    signer.set_rsa_mgf1_md(MessageDigest::sha256())?;
    signer.set_rsa_pss_saltlen(salt)?;
    signer.sign_oneshot_to_vec(input)
}

/// Whether `signature` is one of [`sign_rsa`].
pub(crate) fn verify_rsa(
    key: &PKeyRef<Public>,
    input: &[u8],
    signature: &[u8],
    salt: RsaPssSaltlen,
) -> Result<bool, ErrorStack> {
    let mut verifier = MdCtx::new()?;
    let settings = verifier.digest_verify_init(Some(Md::sha256()), key)?;
    settings.set_rsa_padding(Padding::PKCS1_PSS)?;
    settings.set_rsa_mgf1_md(Md::sha256())?;
    settings.set_rsa_pss_saltlen(salt)?;
    is_verified(
        Denial::Reason(Library::RSA),
        &mut verifier,
        input,
        signature,
    )
}

/// An ECDSA signature as JWS has it: r and s side by side. OpenSSL has them in DER.
fn sign_ec(curve: Curve, key: &PKeyRef<Private>, input: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut signer = Signer::new(curve.digest(), key)?;
    let signature = EcdsaSig::from_der(&signer.sign_oneshot_to_vec(input)?)?;
    let length = i32::try_from(curve.coordinate()).unwrap_or_default();
    let mut both = signature.r().to_vec_padded(length)?;
    both.extend(signature.s().to_vec_padded(length)?);
    Ok(both)
}

fn verify_ec(
    curve: Curve,
    key: &PKeyRef<Public>,
    input: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    let Some((r, s)) = signature.split_at_checked(curve.coordinate()) else {
        return Ok(false);
    };
    let signature =
        EcdsaSig::from_private_components(BigNum::from_slice(r)?, BigNum::from_slice(s)?)?;
    let signature = signature.to_der()?;
    let mut verifier = MdCtx::new()?;
    verifier.digest_verify_init(Some(digest(curve)), key)?;
    is_verified(
        Denial::SilentOrReason(Library::EC),
        &mut verifier,
        input,
        &signature,
    )
}

/// The digest of a curve's signatures, in the type that a context takes
/// ([`Curve::digest`]).
fn digest(curve: Curve) -> &'static MdRef {
    match curve {
        Curve::P256 => Md::sha256(),
        Curve::P384 => Md::sha384(),
        Curve::P521 => Md::sha512(),
    }
}

/// Verifies a signature, which ends the use of the context. `no` is OpenSSL's answer to a
/// wrong signature.
pub(crate) fn is_verified(
    no: Denial,
    verifier: &mut MdCtxRef,
    input: &[u8],
    signature: &[u8],
) -> Result<bool, ErrorStack> {
    evp::finish_without_copy(verifier);
    let verified = verdict::judged(no, || verifier.digest_verify(input, signature))?;
    Ok(verified.unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::pkey::PKey;

    #[test]
    fn a_signature_that_is_cut_off_is_wrong() {
        let group = EcGroup::from_curve_name(Curve::P256.nid()).unwrap();
        let key = EcKey::generate(&group).unwrap();
        let public = EcKey::from_public_key(&group, key.public_key()).unwrap();
        let public = PKey::from_ec_key(public).unwrap();
        let key = PKey::from_ec_key(key).unwrap();
        let kind = KeyKind::Ec(Curve::P256);
        let signature = sign(kind, &key, b"text").unwrap();
        let verify = |signature| verify(kind, &public, b"text", signature).unwrap();
        assert!(verify(&signature));
        for length in [0, 1, 31, 32, 63] {
            assert!(!verify(&signature[..length]), "{length}");
        }
    }
}
