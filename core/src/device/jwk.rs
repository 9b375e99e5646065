//! The public key of a device as a JSON Web Key (RFC 7518, sections 6.2.1 and 6.3.1).
//!
//! Other members than these are ignored, but those of a private or secret key are not.
//!
//! | member | value |
//! |---|---|
//! | `kty` | `EC` or `RSA` |
//! | `crv` | `P-256` |
//! | `x`, `y` | 32 bytes in base64url |
//! | `n` | 2048 to 4096 bits, big-endian without leading zeros, in base64url |
//! | `e` | `AQAB` |
//! | `alg`, `use`, `key_ops` | what the key is for: `ES256` or `RS256`, `sig`, `verify` |

use base64_simd::{Out, URL_SAFE_NO_PAD};
use thiserror::Error;

use crate::device::public_key::{COORDINATE, DeviceKey, EXPONENT, MAX_MODULUS, ProofAlgorithm};
use crate::json::{self, Object, Value};

/// The reason why a JWK is no key of a device.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum JwkFlaw {
    /// It is no object.
    #[error("it is no object")]
    NotAnObject,
    /// It has a member twice.
    #[error("it has a member twice")]
    Repeated,
    /// It has members of a private or secret key.
    #[error("it is not public")]
    NotPublic,
    /// Its type is neither `EC` nor `RSA`.
    #[error("its type is neither EC nor RSA")]
    KeyType,
    /// Its curve is not P-256.
    #[error("its curve is not P-256")]
    Curve,
    /// A coordinate is not 32 bytes of base64url.
    #[error("a coordinate is not 32 bytes of base64url")]
    Coordinate,
    /// The point is not on the curve.
    #[error("its point is not on P-256")]
    OffCurve,
    /// The modulus has not 2048 to 4096 bits, is even, or is spelled in another way.
    #[error("its modulus is not an odd number of 2048 to 4096 bits in base64url")]
    Modulus,
    /// The exponent is not 65537.
    #[error("its exponent is not 65537")]
    Exponent,
    /// It is for another algorithm or another use.
    #[error("it is for another algorithm or another use")]
    Use,
}

/// Most bytes of a JWK, of which an RSA key takes a fifth.
const MAX_JWK: usize = 4096;

/// Characters of a coordinate, in base64url.
const COORDINATE_TEXT: usize = 43;

/// Members of private and secret keys (RFC 7518, sections 6.2.2, 6.3.2 and 6.4).
const NOT_PUBLIC: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

impl DeviceKey {
    /// Reads a key from JSON. Whether its point is on the curve shows when a signature is
    /// verified.
    ///
    /// # Errors
    ///
    /// It is no key of a device.
    pub fn from_jwk(text: &[u8]) -> Result<Self, JwkFlaw> {
        if text.len() > MAX_JWK {
            return Err(JwkFlaw::NotAnObject);
        }
        key(&json::parse(text).map_err(|_| JwkFlaw::NotAnObject)?)
    }
}

/// Reads a key. Whether its point is on the curve shows when a signature is verified.
///
/// # Errors
///
/// It is no key of a device.
pub(super) fn key(value: &Value<'_>) -> Result<DeviceKey, JwkFlaw> {
    let Value::Object(jwk) = value else {
        return Err(JwkFlaw::NotAnObject);
    };
    if jwk.repeated().is_some() {
        return Err(JwkFlaw::Repeated);
    }
    if NOT_PUBLIC.iter().any(|name| jwk.find(name).is_some()) {
        return Err(JwkFlaw::NotPublic);
    }
    let key = match text(jwk, "kty") {
        Some("EC") if text(jwk, "crv") != Some("P-256") => Err(JwkFlaw::Curve),
        Some("EC") => Ok(DeviceKey::p256(
            coordinate(jwk, "x")?,
            coordinate(jwk, "y")?,
        )),
        Some("RSA") if text(jwk, "e") != Some(EXPONENT) => Err(JwkFlaw::Exponent),
        Some("RSA") => modulus(jwk),
        _ => Err(JwkFlaw::KeyType),
    }?;
    check_use(jwk, &key)?;
    Ok(key)
}

fn coordinate(jwk: &Object<'_>, name: &str) -> Result<[u8; COORDINATE], JwkFlaw> {
    let mut coordinate = [0; COORDINATE];
    let text = text(jwk, name).ok_or(JwkFlaw::Coordinate)?.as_bytes();
    // The length must be known before: a longer text would not fit.
    let text: &[u8; COORDINATE_TEXT] = text.try_into().map_err(|_| JwkFlaw::Coordinate)?;
    let decoded = URL_SAFE_NO_PAD.decode(text, Out::from_slice(&mut coordinate));
    decoded.map_err(|_| JwkFlaw::Coordinate)?;
    Ok(coordinate)
}

fn modulus(jwk: &Object<'_>) -> Result<DeviceKey, JwkFlaw> {
    let text = text(jwk, "n").ok_or(JwkFlaw::Modulus)?;
    if text.len() > MAX_MODULUS.saturating_mul(2) {
        return Err(JwkFlaw::Modulus);
    }
    let modulus = URL_SAFE_NO_PAD.decode_to_vec(text);
    let modulus = modulus.map_err(|_| JwkFlaw::Modulus)?;
    DeviceKey::rsa(modulus).ok_or(JwkFlaw::Modulus)
}

/// Refuses a key that is for something else (RFC 7517, sections 4.2 to 4.4).
fn check_use(jwk: &Object<'_>, key: &DeviceKey) -> Result<(), JwkFlaw> {
    let is_or_none = |name, expected| match jwk.find(name) {
        None => true,
        Some(value) => matches!(value, Value::Text(text) if *text == expected),
    };
    let verifies = match jwk.find("key_ops") {
        None => true,
        Some(Value::List(list)) => list
            .iter()
            .any(|operation| matches!(operation, Value::Text("verify"))),
        Some(_) => false,
    };
    let is_for_this = is_or_none("alg", key.algorithm().name()) && is_or_none("use", "sig");
    if is_for_this && verifies {
        Ok(())
    } else {
        Err(JwkFlaw::Use)
    }
}

fn text<'t>(jwk: &Object<'t>, name: &str) -> Option<&'t str> {
    match jwk.find(name) {
        Some(Value::Text(text)) => Some(text),
        _ => None,
    }
}

impl ProofAlgorithm {
    /// The name in JOSE.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7515, appendix A.3.
    const X: &str = "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU";
    const Y: &str = "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0";

    fn read(text: &str) -> Result<DeviceKey, JwkFlaw> {
        DeviceKey::from_jwk(text.as_bytes())
    }

    fn ec(members: &str) -> Result<DeviceKey, JwkFlaw> {
        read(&format!(
            r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{Y}"{members}}}"#
        ))
    }

    fn rsa(n: &str, e: &str) -> Result<DeviceKey, JwkFlaw> {
        read(&format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#))
    }

    #[test]
    fn reads_a_key_in_any_order_and_ignores_other_members() {
        let key = ec("").unwrap();
        let other = format!(
            r#"{{"y":"{Y}","ext":true,"kid":"\u0041","x":"{X}","x5c":[{{"a":1,"a":2}}],"kty":"EC","crv":"P-256"}}"#
        );
        assert_eq!(read(&other), Ok(key.clone()));
        for known in [
            r#","alg":"ES256""#,
            r#","use":"sig""#,
            r#","key_ops":["verify"]"#,
            r#","key_ops":["sign","verify"],"use":"sig","alg":"ES256""#,
        ] {
            assert_eq!(ec(known), Ok(key.clone()), "{known}");
        }
    }

    #[test]
    fn refuses_keys_for_something_else() {
        for (members, flaw) in [
            (r#","alg":"RS256""#, JwkFlaw::Use),
            (r#","alg":"none""#, JwkFlaw::Use),
            (r#","alg":null"#, JwkFlaw::Use),
            (r#","use":"enc""#, JwkFlaw::Use),
            (r#","use":["sig"]"#, JwkFlaw::Use),
            (r#","key_ops":[]"#, JwkFlaw::Use),
            (r#","key_ops":"verify""#, JwkFlaw::Use),
            (r#","key_ops":["sign",1]"#, JwkFlaw::Use),
            (r#","d":"AA""#, JwkFlaw::NotPublic),
            (r#","d":null"#, JwkFlaw::NotPublic),
            (r#","k":"AA""#, JwkFlaw::NotPublic),
            (r#","x":"AA""#, JwkFlaw::Repeated),
            (r#","kid":1,"kid":1"#, JwkFlaw::Repeated),
            (r#","\u0078":"AA""#, JwkFlaw::Repeated),
        ] {
            assert_eq!(ec(members), Err(flaw), "{members}");
        }
        for private in ["p", "q", "dp", "dq", "qi", "oth"] {
            let members = format!(r#","{private}":"AA""#);
            assert_eq!(ec(&members), Err(JwkFlaw::NotPublic), "{private}");
        }
    }

    #[test]
    fn refuses_other_curves_and_types() {
        for (text, flaw) in [
            ("", JwkFlaw::NotAnObject),
            ("{", JwkFlaw::NotAnObject),
            ("[]", JwkFlaw::NotAnObject),
            (&format!("{{{}}}", " ".repeat(5000)), JwkFlaw::NotAnObject),
            ("\"EC\"", JwkFlaw::NotAnObject),
            ("{}", JwkFlaw::KeyType),
            (
                r#"{"kty":"OKP","crv":"Ed25519","x":"AA"}"#,
                JwkFlaw::KeyType,
            ),
            (r#"{"kty":"oct"}"#, JwkFlaw::KeyType),
            (r#"{"kty":"ec","crv":"P-256"}"#, JwkFlaw::KeyType),
            (r#"{"kty":["EC"]}"#, JwkFlaw::KeyType),
            (r#"{"kty":"\u0045C","crv":"P-256"}"#, JwkFlaw::KeyType),
            (r#"{"kty":"EC"}"#, JwkFlaw::Curve),
            (r#"{"kty":"EC","crv":"P-384"}"#, JwkFlaw::Curve),
            (r#"{"kty":"EC","crv":"secp256k1"}"#, JwkFlaw::Curve),
            (r#"{"kty":"EC","crv":"P-256"}"#, JwkFlaw::Coordinate),
            (
                r#"{"kty":"EC","crv":"P-256","x":1,"y":2}"#,
                JwkFlaw::Coordinate,
            ),
        ] {
            assert_eq!(read(text), Err(flaw), "{text}");
        }
    }

    #[test]
    fn a_coordinate_is_32_bytes_of_base64url() {
        for x in [
            "",
            "AA",
            &X[1..],
            &X[..42],
            &format!("{X}="),
            &format!("{X}A"),
            &format!("{X}AAAA"),
            &format!("A{X}"),
            &X.repeat(20),
            &X.replacen('J', "+", 1),
            // Bits that no byte has.
            &format!("{}V", &X[..42]),
        ] {
            let text = format!(r#"{{"kty":"EC","crv":"P-256","x":"{x}","y":"{Y}"}}"#);
            assert_eq!(read(&text), Err(JwkFlaw::Coordinate), "{x}");
            let text = format!(r#"{{"kty":"EC","crv":"P-256","x":"{X}","y":"{x}"}}"#);
            assert_eq!(read(&text), Err(JwkFlaw::Coordinate), "{x}");
        }
    }

    #[test]
    fn an_rsa_key_has_a_minimal_modulus_and_the_usual_exponent() {
        let modulus = |bytes: usize| [&[0x80][..], &vec![1; bytes - 1]].concat();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode_to_string(bytes);
        let good = encode(&modulus(256));
        assert!(rsa(&good, "AQAB").is_ok());
        assert!(rsa(&encode(&modulus(512)), "AQAB").is_ok());
        for e in ["Aw", "", "AAEAAQ", "AQABAA", "AQAb", "EAAB"] {
            assert_eq!(rsa(&good, e), Err(JwkFlaw::Exponent), "{e}");
        }
        for n in [
            String::new(),
            encode(&modulus(128)),
            encode(&modulus(255)),
            encode(&modulus(513)),
            encode(&modulus(1024)),
            encode(&[&[0][..], &modulus(256)].concat()),
            format!("{good}="),
            format!("{good}\n"),
            good.replacen('g', "/", 1),
        ] {
            let text = n.replace('\n', "\\n");
            assert_eq!(rsa(&text, "AQAB"), Err(JwkFlaw::Modulus), "{n}");
        }
    }
}
