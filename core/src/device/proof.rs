//! The signed text in which a browser proves its key: the JWT of
//! `Secure-Session-Response`.
//!
//! It is a compact JWS (RFC 7515, section 7.1). Browsers send it as it is; the
//! specification puts it in quotes (RFC 9651, section 3.3.3). Both are read.
//!
//! | part | member | value |
//! |---|---|---|
//! | header | `typ` | `dbsc+jwt` |
//! | header | `alg` | `ES256` or `RS256`; that of the key |
//! | header | `jwk` | the key, at registration; ignored at a refresh, which has a key already |
//! | header | `crit` | must not be there, because no extension is known |
//! | payload | `jti` | the challenge |
//!
//! All other members are ignored. Browsers send none of `iss`, `sub`, `iat` and `exp`, and
//! `aud` seldom: a proof is fresh because its challenge is.

use base64_simd::URL_SAFE_NO_PAD;

use crate::device::jwk::{self, JwkFlaw};
use crate::device::proof_error::{MAX_PROOF, ProofError, ProofFlaw};
use crate::device::public_key::{DeviceKey, ProofAlgorithm};
use crate::device::signature::{self, Checked};
use crate::json::{self, Object, Value};

/// A proof that was read, and whose signature is still to be verified.
pub struct Proof<'h> {
    algorithm: ProofAlgorithm,
    challenge: String,
    /// Header and payload, as they were sent.
    signed: &'h [u8],
    signature: Vec<u8>,
}

/// The type of a proof.
const TYPE: &str = "dbsc+jwt";

impl<'h> Proof<'h> {
    /// Reads the proof of a refresh: the value of the header. A `jwk` in it is not looked
    /// at.
    ///
    /// # Errors
    ///
    /// It is no proof.
    pub fn of_refresh(header: &'h [u8]) -> Result<Self, ProofFlaw> {
        Self::read(header, |_| Ok(())).map(|(proof, ())| proof)
    }

    /// Reads the proof of a registration, and the key that it registers. The key is worth
    /// nothing before [`Proof::verify`] has taken it.
    ///
    /// # Errors
    ///
    /// It is no proof, or it registers no key.
    pub fn of_registration(header: &'h [u8]) -> Result<(Self, DeviceKey), ProofFlaw> {
        Self::read(header, |header| {
            let key = header.find("jwk").ok_or(ProofFlaw::NoKey)?;
            jwk::key(key).map_err(ProofFlaw::Key)
        })
    }

    fn read<T>(
        value: &'h [u8],
        more: impl FnOnce(&Object<'_>) -> Result<T, ProofFlaw>,
    ) -> Result<(Self, T), ProofFlaw> {
        if value.len() > MAX_PROOF {
            return Err(ProofFlaw::TooLong);
        }
        let parts = Parts::of(unquoted(value)).ok_or(ProofFlaw::Parts)?;
        let (header, payload) = (decode(parts.header)?, decode(parts.payload)?);
        let signature = decode(parts.signature)?;
        let header = object(&header)?;
        if !is_text(&header, "typ", TYPE) {
            return Err(ProofFlaw::Type);
        }
        if header.find("crit").is_some() {
            return Err(ProofFlaw::Extension);
        }
        let algorithms = [ProofAlgorithm::Es256, ProofAlgorithm::Rs256];
        let mut algorithms = algorithms.into_iter();
        let algorithm = algorithms.find(|known| is_text(&header, "alg", known.name()));
        let algorithm = algorithm.ok_or(ProofFlaw::Algorithm)?;
        let payload = object(&payload)?;
        let Some(Value::Text(challenge)) = payload.find("jti") else {
            return Err(ProofFlaw::NoChallenge);
        };
        let proof = Self {
            algorithm,
            challenge: (*challenge).to_owned(),
            signed: parts.signed,
            signature,
        };
        Ok((proof, more(&header)?))
    }

    /// The challenge that the browser has signed, or so it says.
    pub fn challenge(&self) -> &str {
        &self.challenge
    }

    /// Verifies that the owner of a key made the proof. The key gives the algorithm, and
    /// the proof must have the same.
    ///
    /// # Errors
    ///
    /// The proof is refused, or OpenSSL fails.
    pub fn verify(&self, key: &DeviceKey) -> Result<(), ProofError> {
        if self.algorithm != key.algorithm() {
            return Err(ProofFlaw::Algorithm.into());
        }
        match signature::check(key, self.signed, &self.signature)? {
            Checked::Good => Ok(()),
            Checked::Wrong => Err(ProofFlaw::Signature.into()),
            Checked::OffCurve => Err(ProofFlaw::Key(JwkFlaw::OffCurve).into()),
        }
    }
}

/// A structured string without its quotes. A proof has no character to escape.
fn unquoted(value: &[u8]) -> &[u8] {
    let value = value.trim_ascii();
    let inner = value.strip_prefix(b"\"");
    inner
        .and_then(|inner| inner.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// The parts of a compact JWS, still encoded.
struct Parts<'h> {
    header: &'h [u8],
    payload: &'h [u8],
    signature: &'h [u8],
    /// Header and payload with their dot.
    signed: &'h [u8],
}

impl<'h> Parts<'h> {
    fn of(text: &'h [u8]) -> Option<Self> {
        let mut parts = text.split(|byte| *byte == b'.');
        let (header, payload, signature) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let before = text.len().checked_sub(signature.len())?;
        Some(Self {
            header,
            payload,
            signature,
            signed: text.get(..before)?.strip_suffix(b".")?,
        })
    }
}

fn decode(part: &[u8]) -> Result<Vec<u8>, ProofFlaw> {
    let decoded = URL_SAFE_NO_PAD.decode_to_vec(part);
    decoded.map_err(|_| ProofFlaw::Encoding)
}

fn object(text: &[u8]) -> Result<Object<'_>, ProofFlaw> {
    let Ok(Value::Object(object)) = json::parse(text) else {
        return Err(ProofFlaw::NotJson);
    };
    match object.repeated() {
        Some(_) => Err(ProofFlaw::Repeated),
        None => Ok(object),
    }
}

fn is_text(object: &Object<'_>, name: &str, expected: &str) -> bool {
    matches!(object.find(name), Some(Value::Text(text)) if *text == expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = r#"{"alg":"ES256","typ":"dbsc+jwt"}"#;
    const PAYLOAD: &str = r#"{"jti":"challenge"}"#;

    fn text(header: &str, payload: &str) -> String {
        let encode = |text: &str| URL_SAFE_NO_PAD.encode_to_string(text);
        format!("{}.{}.AAAA", encode(header), encode(payload))
    }

    fn flaw(text: &str) -> Option<ProofFlaw> {
        Proof::of_refresh(text.as_bytes()).err()
    }

    #[test]
    fn reads_a_proof_with_and_without_quotes() {
        let bare = text(HEADER, PAYLOAD);
        for written in [
            bare.clone(),
            format!("\"{bare}\""),
            format!(" \"{bare}\"\t"),
        ] {
            let proof = Proof::of_refresh(written.as_bytes()).unwrap();
            assert_eq!(proof.challenge(), "challenge");
            assert_eq!(proof.signed, &bare.as_bytes()[..bare.len() - 5]);
            assert_eq!(proof.signature, [0; 3]);
        }
        for wrong in [
            format!("\"{bare}"),
            format!("{bare}\""),
            format!("'{bare}'"),
            format!("\"\"{bare}\"\""),
            format!("\"{bare}\";a=1"),
            format!("{bare}, {bare}"),
            format!("{bare}="),
        ] {
            assert!(flaw(&wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn ignores_claims_that_browsers_do_not_send() {
        let payload = r#"{"aud":"https://else.example/","iat":1,"exp":2,"sub":3,"iss":[4],
            "authorization":"\u0041","jti":"challenge","key":{"a":1}}"#;
        let header = r#"{"typ":"dbsc+jwt","alg":"RS256","jwk":"not looked at","kid":"x","x5u":"https://else.example/"}"#;
        let proof = text(header, payload);
        let proof = Proof::of_refresh(proof.as_bytes()).unwrap();
        assert_eq!(proof.challenge(), "challenge");
        assert_eq!(proof.algorithm, ProofAlgorithm::Rs256);
    }

    #[test]
    fn refuses_other_headers() {
        for (header, expected) in [
            ("", ProofFlaw::NotJson),
            ("[]", ProofFlaw::NotJson),
            ("{", ProofFlaw::NotJson),
            ("{}{}", ProofFlaw::NotJson),
            ("{}", ProofFlaw::Type),
            (r#"{"alg":"ES256"}"#, ProofFlaw::Type),
            (r#"{"alg":"ES256","typ":"JWT"}"#, ProofFlaw::Type),
            (r#"{"alg":"ES256","typ":"DBSC+JWT"}"#, ProofFlaw::Type),
            (r#"{"alg":"ES256","typ":["dbsc+jwt"]}"#, ProofFlaw::Type),
            (r#"{"typ":"dbsc+jwt"}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":"none"}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":"None"}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":""}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":"HS256"}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":"ES384"}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":"PS256"}"#, ProofFlaw::Algorithm),
            (r#"{"typ":"dbsc+jwt","alg":"es256"}"#, ProofFlaw::Algorithm),
            (
                r#"{"typ":"dbsc+jwt","alg":["ES256"]}"#,
                ProofFlaw::Algorithm,
            ),
            (
                r#"{"typ":"dbsc+jwt","alg":"ES256","crit":["b64"],"b64":false}"#,
                ProofFlaw::Extension,
            ),
            (
                r#"{"typ":"dbsc+jwt","alg":"ES256","alg":"ES256"}"#,
                ProofFlaw::Repeated,
            ),
            (
                r#"{"typ":"dbsc+jwt","alg":"none","\u0061lg":"ES256"}"#,
                ProofFlaw::Repeated,
            ),
        ] {
            assert_eq!(flaw(&text(header, PAYLOAD)), Some(expected), "{header}");
        }
    }

    #[test]
    fn refuses_other_payloads() {
        for (payload, expected) in [
            ("", ProofFlaw::NotJson),
            ("\"jti\"", ProofFlaw::NotJson),
            ("{}", ProofFlaw::NoChallenge),
            (r#"{"jti":1}"#, ProofFlaw::NoChallenge),
            (r#"{"jti":["challenge"]}"#, ProofFlaw::NoChallenge),
            (r#"{"JTI":"challenge"}"#, ProofFlaw::NoChallenge),
            (
                r#"{"jti":"challenge","jti":"challenge"}"#,
                ProofFlaw::Repeated,
            ),
            (
                r#"{"jti":"challenge","iat":1,"iat":1}"#,
                ProofFlaw::Repeated,
            ),
        ] {
            assert_eq!(flaw(&text(HEADER, payload)), Some(expected), "{payload}");
        }
    }

    #[test]
    fn refuses_other_parts() {
        let good = text(HEADER, PAYLOAD);
        let (header, rest) = good.split_once('.').unwrap();
        for (wrong, expected) in [
            (String::new(), ProofFlaw::Parts),
            (".".to_owned(), ProofFlaw::Parts),
            (header.to_owned(), ProofFlaw::Parts),
            (rest.to_owned(), ProofFlaw::Parts),
            (format!("{good}."), ProofFlaw::Parts),
            (format!("{good}.AAAA"), ProofFlaw::Parts),
            ("..".to_owned(), ProofFlaw::NotJson),
            (format!("{header}..AAAA"), ProofFlaw::NotJson),
            (format!("{good}=="), ProofFlaw::Encoding),
            (format!("{good}B"), ProofFlaw::Encoding),
            (format!("{header}=.{rest}"), ProofFlaw::Encoding),
            (good.replacen('e', "+", 1), ProofFlaw::Encoding),
            (good.replacen('.', "\0.", 1), ProofFlaw::Encoding),
            (
                format!("{good}{}", "A".repeat(MAX_PROOF)),
                ProofFlaw::TooLong,
            ),
        ] {
            assert_eq!(flaw(&wrong), Some(expected), "{wrong}");
        }
        assert!(Proof::of_refresh(&[0xff; 100]).is_err());
    }

    #[test]
    fn deep_json_is_no_json() {
        for nested in ["[".repeat(3000), "{\"a\":".repeat(600)] {
            let proof = text(&nested, PAYLOAD);
            assert_eq!(flaw(&proof), Some(ProofFlaw::NotJson));
        }
    }

    #[test]
    fn a_registration_needs_a_key() {
        let read = |header: &str| {
            let text = text(header, PAYLOAD);
            Proof::of_registration(text.as_bytes()).err()
        };
        assert_eq!(read(HEADER), Some(ProofFlaw::NoKey));
        for (jwk, flaw) in [
            ("null", JwkFlaw::NotAnObject),
            ("{}", JwkFlaw::KeyType),
            (r#"{"kty":"oct","k":"AA"}"#, JwkFlaw::NotPublic),
        ] {
            let header = format!(r#"{{"alg":"ES256","typ":"dbsc+jwt","jwk":{jwk}}}"#);
            assert_eq!(read(&header), Some(ProofFlaw::Key(flaw)), "{jwk}");
        }
    }
}
