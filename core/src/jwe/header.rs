//! The header of a JWE, as this module writes and reads it.
//!
//! ```text
//! {"alg":"dir","enc":"A256GCM","kid":"<key id>.<day>"}
//! {"alg":"A256KW","enc":"A256GCM","kid":"<kid>"}
//! {"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"<thumbprint>","sig":"<signature>"}
//! {"alg":"ECDH-ES+A256KW","enc":"A256GCM","kid":"<thumbprint>",
//!  "epk":{"kty":"EC","crv":"P-256","x":"<x>","y":"<y>"},"sig":"<signature>"}
//! ```
//!
//! It is on one line. If there is a purpose, `,"aud":"<purpose>"` follows `kid`. The first
//! kind belongs to a passphrase, and the second to a key of a JWK Set. The other two belong
//! to a certificate, whose private key signs
//!
//! ```text
//! BASE64URL(header without "sig") "." BASE64URL(encrypted key)
//! ```
//!
//! Other programs may write the members in another order. A header must have exactly the
//! members of its kind. Algorithms are compared with those of the section, so a token
//! cannot choose one.

use std::fmt::Write;

use base64_simd::URL_SAFE_NO_PAD;

use crate::algorithm::derivation::KEY_ID;
use crate::certificate::certificate::{Curve, KeyKind, THUMBPRINT};
use crate::certificate::wrapping::{Point, Wrapping};
use crate::error::Refusal;
use crate::jwe::key_id::KeyId;
use crate::jwe::members::{self, Members, SenderKey, Span};
use crate::purpose::Purpose;

/// The `alg` of a token without an encrypted key (RFC 7518, section 4.5).
const DIRECT: &str = "dir";

/// Digits of the last possible day, 2^32 - 1.
const MAX_DAY_DIGITS: usize = 10;

const AUDIENCE: &str = r#","aud":""#;
const SIGNATURE: &str = r#","sig":""#;

/// The `kid` of a passphrase's token, which identifies the content key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kid {
    pub(crate) key_id: [u8; KEY_ID],
    /// Days since 1970-01-01 UTC.
    pub(crate) day: u32,
}

/// Writes the header of a passphrase's token, in base64url.
pub(crate) fn direct(enc: &str, kid: &Kid, purpose: Option<&Purpose>) -> String {
    let mut json = start(DIRECT, enc);
    let key_id = URL_SAFE_NO_PAD.encode_to_string(kid.key_id);
    // Writing to a String does not fail.
    let _ = write!(json, r#"{key_id}.{}""#, kid.day);
    json.push_str(&audience(purpose));
    json.push('}');
    URL_SAFE_NO_PAD.encode_to_string(json)
}

/// Writes the header of a token under a key of a JWK Set, in base64url.
pub(crate) fn wrapped(alg: &str, enc: &str, id: &KeyId, purpose: Option<&Purpose>) -> String {
    let mut json = start(alg, enc);
    json.push_str(id.as_str());
    json.push('"');
    json.push_str(&audience(purpose));
    json.push('}');
    URL_SAFE_NO_PAD.encode_to_string(json)
}

/// The header of a certificate's token before it is signed.
pub(crate) struct UnsignedHeader {
    /// The header without its last brace.
    json: String,
}

impl UnsignedHeader {
    /// Writes all but the signature.
    pub(crate) fn new(
        wrapping: Wrapping,
        enc: &str,
        thumbprint: &[u8; THUMBPRINT],
        purpose: Option<&Purpose>,
        point: Option<&Point>,
    ) -> Self {
        let mut json = start(wrapping.alg(), enc);
        json.push_str(&URL_SAFE_NO_PAD.encode_to_string(thumbprint));
        json.push('"');
        json.push_str(&audience(purpose));
        if let (Wrapping::EcdhEs(curve), Some(point)) = (wrapping, point) {
            let [x, y] = [&point.x, &point.y].map(|bytes| URL_SAFE_NO_PAD.encode_to_string(bytes));
            // Writing to a String does not fail.
            let _ = write!(json, r#"{}{x}","y":"{y}"}}"#, sender_key(curve));
        }
        Self { json }
    }

    /// The text that is signed.
    pub(crate) fn signing_input(&self, encrypted_key: &str) -> String {
        let whole = format!("{}}}", self.json);
        signing_input(whole.as_bytes(), encrypted_key)
    }

    /// The whole header, in base64url.
    pub(crate) fn signed(mut self, signature: &[u8]) -> String {
        let signature = URL_SAFE_NO_PAD.encode_to_string(signature);
        // Writing to a String does not fail.
        let _ = write!(self.json, r#"{SIGNATURE}{signature}"}}"#);
        URL_SAFE_NO_PAD.encode_to_string(&self.json)
    }
}

/// The header of a token.
pub(crate) struct Header {
    json: Vec<u8>,
    members: Members,
}

/// The header of a certificate's token: its variable parts, and the text that is signed.
pub(crate) struct SignedHeader {
    pub(crate) point: Option<Point>,
    pub(crate) signature: Vec<u8>,
    /// The header without its signature.
    json: Vec<u8>,
}

impl SignedHeader {
    /// The text that is signed.
    pub(crate) fn signing_input(&self, encrypted_key: &str) -> String {
        signing_input(&self.json, encrypted_key)
    }
}

impl Header {
    /// Reads a header in base64url.
    pub(crate) fn read(encoded: &[u8]) -> Result<Self, Refusal> {
        let json = URL_SAFE_NO_PAD.decode_to_vec(encoded);
        let json = json.map_err(|_| Refusal::Encoding)?;
        let members = members::read(&json).ok_or(Refusal::Header)?;
        Ok(Self { json, members })
    }

    /// Whether this is the header's `alg`.
    pub(crate) fn has_alg(&self, alg: &str) -> bool {
        self.text(&self.members.alg) == alg.as_bytes()
    }

    /// Whether this is the header's `enc`.
    pub(crate) fn has_enc(&self, enc: &str) -> bool {
        self.text(&self.members.enc) == enc.as_bytes()
    }

    /// The key id of a passphrase's token.
    ///
    /// # Errors
    ///
    /// It is another token's header, or for another purpose.
    pub(crate) fn direct(&self, purpose: Option<&Purpose>) -> Result<Kid, Refusal> {
        let is_direct = self.has_alg(DIRECT) && self.is_unsigned();
        let kid = is_direct.then(|| Kid::read(self.kid())).flatten();
        let kid = kid.ok_or(Refusal::Header)?;
        self.check_audience(purpose)?;
        Ok(kid)
    }

    /// The key id of a token under a key of a JWK Set.
    ///
    /// # Errors
    ///
    /// It is another token's header, or for another purpose.
    pub(crate) fn wrapped(&self, purpose: Option<&Purpose>) -> Result<KeyId, Refusal> {
        let id = self.is_unsigned().then(|| KeyId::of(self.kid())).flatten();
        let id = id.ok_or(Refusal::Header)?;
        self.check_audience(purpose)?;
        Ok(id)
    }

    /// The thumbprint in the header of a certificate's token.
    pub(crate) fn thumbprint(&self) -> Option<[u8; THUMBPRINT]> {
        decode(self.kid(), THUMBPRINT)?.try_into().ok()
    }

    /// The signed parts of a certificate's token, whose [thumbprint](Self::thumbprint)
    /// belongs to a certificate of this kind.
    ///
    /// # Errors
    ///
    /// It is another token's header, or for another purpose.
    pub(crate) fn signed(
        &self,
        kind: KeyKind,
        wrapping: Wrapping,
        purpose: Option<&Purpose>,
    ) -> Result<SignedHeader, Refusal> {
        let sig = self.members.sig.as_ref().ok_or(Refusal::Header)?;
        let point = match (wrapping, &self.members.epk) {
            (Wrapping::RsaOaep(_), None) => None,
            (Wrapping::EcdhEs(curve), Some(key)) => {
                Some(self.point(curve, key).ok_or(Refusal::Header)?)
            }
            _ => return Err(Refusal::Header),
        };
        self.check_audience(purpose)?;
        let signature = decode(self.text(&sig.value), kind.signature_length());
        let mut json = self.json.clone();
        json.drain(sig.member.clone());
        Ok(SignedHeader {
            point,
            signature: signature.ok_or(Refusal::Signature)?,
            json,
        })
    }

    fn kid(&self) -> &[u8] {
        self.text(&self.members.kid)
    }

    fn text(&self, span: &Span) -> &[u8] {
        self.json.get(span.clone()).unwrap_or_default()
    }

    /// Whether the members of a certificate's token are not there.
    fn is_unsigned(&self) -> bool {
        self.members.epk.is_none() && self.members.sig.is_none()
    }

    /// Refuses a header with another purpose than this.
    fn check_audience(&self, purpose: Option<&Purpose>) -> Result<(), Refusal> {
        let audience = self.members.aud.as_ref().map(|span| self.text(span));
        if audience == purpose.map(|purpose| purpose.as_str().as_bytes()) {
            Ok(())
        } else {
            Err(Refusal::Purpose)
        }
    }

    /// The sender's public key, if it is on this curve.
    fn point(&self, curve: Curve, key: &SenderKey) -> Option<Point> {
        let is_on_curve =
            self.text(&key.kty) == b"EC" && self.text(&key.crv) == curve.name().as_bytes();
        if !is_on_curve {
            return None;
        }
        let [x, y] = [&key.x, &key.y].map(|span| decode(self.text(span), curve.coordinate()));
        Some(Point { x: x?, y: y? })
    }
}

/// The id of the key that a token asks for, to be logged: that of a passphrase's key, the
/// thumbprint of a certificate, or the id of a key of a JWK Set. It is as the token's sender
/// wrote it, and proves nothing.
pub fn key_id_of_token(token: &[u8]) -> Option<KeyId> {
    let encoded = token.split(|byte| *byte == b'.').next()?;
    let header = Header::read(encoded).ok()?;
    match Kid::read(header.kid()) {
        // Without the day, as it is known before a token is made.
        Some(kid) => KeyId::of(URL_SAFE_NO_PAD.encode_to_string(kid.key_id).as_bytes()),
        None => KeyId::of(header.kid()),
    }
}

impl Kid {
    /// Reads a key id and a day.
    fn read(text: &[u8]) -> Option<Self> {
        let (key_id, day) = text.split_at_checked(URL_SAFE_NO_PAD.encoded_length(KEY_ID))?;
        let key_id = decode(key_id, KEY_ID)?.try_into().ok()?;
        let day = read_day(day.strip_prefix(b".")?)?;
        Some(Self { key_id, day })
    }
}

/// Reads a day in decimal, without leading zeros.
fn read_day(digits: &[u8]) -> Option<u32> {
    let are_digits = digits.iter().all(u8::is_ascii_digit);
    let has_leading_zero = digits.len() > 1 && digits.first() == Some(&b'0');
    if !are_digits || has_leading_zero || digits.len() > MAX_DAY_DIGITS {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

fn start(alg: &str, enc: &str) -> String {
    format!(r#"{{"alg":"{alg}","enc":"{enc}","kid":""#)
}

fn audience(purpose: Option<&Purpose>) -> String {
    purpose.map_or_else(String::new, |purpose| {
        format!(r#"{AUDIENCE}{}""#, purpose.as_str())
    })
}

fn sender_key(curve: Curve) -> String {
    format!(r#","epk":{{"kty":"EC","crv":"{}","x":""#, curve.name())
}

fn signing_input(json: &[u8], encrypted_key: &str) -> String {
    let mut input = URL_SAFE_NO_PAD.encode_to_string(json);
    input.push('.');
    input.push_str(encrypted_key);
    input
}

/// Decodes canonical base64url to exactly `length` bytes.
fn decode(text: &[u8], length: usize) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
    (bytes.len() == length).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A token with this `kid` in its header, and nothing else that is right.
    fn token(kid: &str) -> Vec<u8> {
        let json = format!("{}{kid}\"}}", start("dir", "A256GCM"));
        let header = URL_SAFE_NO_PAD.encode_to_string(json);
        format!("{header}.....").into_bytes()
    }

    fn logged(token: &[u8]) -> Option<String> {
        key_id_of_token(token).map(|id| id.as_str().to_owned())
    }

    #[test]
    fn the_id_of_the_key_that_a_token_asks_for_is_logged_whole() {
        let key_id = URL_SAFE_NO_PAD.encode_to_string([7; KEY_ID]);
        let thumbprint = URL_SAFE_NO_PAD.encode_to_string([9; THUMBPRINT]);
        let of_passphrase = token(&format!("{key_id}.20783"));
        assert_eq!(logged(&of_passphrase), Some(key_id.clone()));
        assert_eq!(logged(&token(&thumbprint)), Some(thumbprint));
        assert_eq!(logged(&token("2026-11")), Some("2026-11".to_owned()));
    }

    #[test]
    fn no_other_byte_of_a_token_is_logged() {
        let key_id = URL_SAFE_NO_PAD.encode_to_string([7; KEY_ID]);
        for kid in [
            "",
            "a b",
            "a\\nb",
            "<script>",
            "short.20783",
            &format!("{key_id}.020783"),
            &format!("{key_id}.20783.1"),
            &format!("{key_id}x.20783"),
            &"x".repeat(65),
        ] {
            assert_eq!(logged(&token(kid)), None, "{kid:?}");
        }
        for token in [
            "",
            ".",
            "secret",
            "c2VjcmV0.",
            "eyJraWQiOiJhIn0.",
            "A.B.C.D.E",
        ] {
            assert_eq!(logged(token.as_bytes()), None, "{token:?}");
        }
    }
}
