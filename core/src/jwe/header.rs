//! The header of a JWE with a certificate.
//!
//! ```text
//! {"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"<thumbprint>","sig":"<signature>"}
//! {"alg":"ECDH-ES+A256KW","enc":"A256GCM","kid":"<thumbprint>",
//!  "epk":{"kty":"EC","crv":"P-256","x":"<x>","y":"<y>"},"sig":"<signature>"}
//! ```
//!
//! On one line, and with `,"aud":"<purpose>"` after `kid` if there is one. The
//! signature is over
//!
//! ```text
//! BASE64URL(header without "sig") "." BASE64URL(encrypted key)
//! ```
//!
//! As with passphrases, a header is compared with what we would have written:
//! only thumbprint, coordinates and signature are read from it, and each has
//! the one length that the certificate's key gives it.

use std::fmt::Write;

use base64_simd::URL_SAFE_NO_PAD;

use crate::certificate::certificate::{Curve, KeyKind, THUMBPRINT};
use crate::certificate::wrapping::{Point, Wrapping};
use crate::error::Refusal;
use crate::purpose::Purpose;

/// Characters of a thumbprint.
const THUMBPRINT_TEXT: usize = 43;

/// A header to be signed.
pub(crate) struct Unsigned {
    /// Without the brace at its end.
    json: String,
}

impl Unsigned {
    /// Writes all but the signature.
    pub(crate) fn new(
        wrapping: Wrapping,
        enc: &str,
        thumbprint: &[u8; THUMBPRINT],
        purpose: Option<&Purpose>,
        point: Option<&Point>,
    ) -> Self {
        let mut json = beginning(wrapping.alg(), enc);
        json.push_str(&URL_SAFE_NO_PAD.encode_to_string(thumbprint));
        json.push('"');
        json.push_str(&audience(purpose));
        if let (Wrapping::EcdhEs(curve), Some(point)) = (wrapping, point) {
            let [x, y] = [&point.x, &point.y].map(|bytes| URL_SAFE_NO_PAD.encode_to_string(bytes));
            // Writing to a String does not fail.
            let _ = write!(json, r#"{}{x}","y":"{y}"}}"#, key_beginning(curve));
        }
        Self { json }
    }

    /// What is signed.
    pub(crate) fn signing_input(&self, encrypted_key: &str) -> String {
        signing_input(self.json.as_bytes(), encrypted_key)
    }

    /// The whole header, in base64url.
    pub(crate) fn signed(mut self, signature: &[u8]) -> String {
        let signature = URL_SAFE_NO_PAD.encode_to_string(signature);
        let _ = write!(self.json, r#"{SIGNATURE}{signature}"}}"#);
        URL_SAFE_NO_PAD.encode_to_string(&self.json)
    }
}

/// What a header says that we do not know beforehand.
pub(crate) struct Signed {
    pub(crate) point: Option<Point>,
    pub(crate) signature: Vec<u8>,
    /// Without the signature and the brace.
    json: Vec<u8>,
}

impl Signed {
    /// What is signed.
    pub(crate) fn signing_input(&self, encrypted_key: &str) -> String {
        signing_input(&self.json, encrypted_key)
    }
}

/// The thumbprint of a header that begins as those of this `alg` and this
/// encryption do.
pub(crate) fn read_thumbprint(header: &[u8], alg: &str, enc: &str) -> Option<[u8; 32]> {
    let rest = header.strip_prefix(beginning(alg, enc).as_bytes())?;
    decode(rest.get(..THUMBPRINT_TEXT)?, THUMBPRINT)?
        .try_into()
        .ok()
}

/// Reads what comes after the thumbprint of a header that [`read_thumbprint`]
/// has read.
pub(crate) fn read_rest(
    header: &[u8],
    kind: KeyKind,
    wrapping: Wrapping,
    enc: &str,
    purpose: Option<&Purpose>,
) -> Result<Signed, Refusal> {
    let start = beginning(wrapping.alg(), enc).len();
    let rest = header
        .get(start.saturating_add(THUMBPRINT_TEXT)..)
        .and_then(|rest| rest.strip_prefix(b"\""))
        .ok_or(Refusal::Header)?;
    let rest = match rest.strip_prefix(audience(purpose).as_bytes()) {
        Some(rest) if !rest.starts_with(AUDIENCE.as_bytes()) => rest,
        _ => return Err(Refusal::Purpose),
    };
    let (point, rest) = match wrapping {
        Wrapping::RsaOaep(_) => (None, rest),
        Wrapping::EcdhEs(curve) => {
            let (point, rest) = read_point(rest, curve).ok_or(Refusal::Header)?;
            (Some(point), rest)
        }
    };
    let json = header
        .get(..header.len().saturating_sub(rest.len()))
        .unwrap_or_default();
    let signature = rest
        .strip_prefix(SIGNATURE.as_bytes())
        .and_then(|rest| rest.strip_suffix(br#""}"#))
        .ok_or(Refusal::Header)?;
    Ok(Signed {
        point,
        signature: decode(signature, kind.signature_length()).ok_or(Refusal::Signature)?,
        json: json.to_vec(),
    })
}

fn read_point(rest: &[u8], curve: Curve) -> Option<(Point, &[u8])> {
    let length = URL_SAFE_NO_PAD.encoded_length(curve.coordinate());
    let rest = rest.strip_prefix(key_beginning(curve).as_bytes())?;
    let (x, rest) = rest.split_at_checked(length)?;
    let rest = rest.strip_prefix(br#"","y":""#)?;
    let (y, rest) = rest.split_at_checked(length)?;
    let rest = rest.strip_prefix(br#""}"#)?;
    let point = Point {
        x: decode(x, curve.coordinate())?,
        y: decode(y, curve.coordinate())?,
    };
    Some((point, rest))
}

fn beginning(alg: &str, enc: &str) -> String {
    format!(r#"{{"alg":"{alg}","enc":"{enc}","kid":""#)
}

const AUDIENCE: &str = r#","aud":""#;

fn audience(purpose: Option<&Purpose>) -> String {
    purpose.map_or_else(String::new, |purpose| {
        format!(r#"{AUDIENCE}{}""#, purpose.as_str())
    })
}

fn key_beginning(curve: Curve) -> String {
    format!(r#","epk":{{"kty":"EC","crv":"{}","x":""#, curve.name())
}

const SIGNATURE: &str = r#","sig":""#;

fn signing_input(json: &[u8], encrypted_key: &str) -> String {
    let mut whole = json.to_vec();
    whole.push(b'}');
    let mut input = URL_SAFE_NO_PAD.encode_to_string(&whole);
    input.push('.');
    input.push_str(encrypted_key);
    input
}

/// Decodes canonical base64url to so many bytes.
fn decode(text: &[u8], length: usize) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
    (bytes.len() == length).then_some(bytes)
}
