//! The header of a JWE, as this module writes it.
//!
//! ```text
//! {"alg":"dir","enc":"A256GCM","kid":"<key id>.<day>"}
//! {"alg":"RSA-OAEP-256","enc":"A256GCM","kid":"<thumbprint>","sig":"<signature>"}
//! {"alg":"ECDH-ES+A256KW","enc":"A256GCM","kid":"<thumbprint>",
//!  "epk":{"kty":"EC","crv":"P-256","x":"<x>","y":"<y>"},"sig":"<signature>"}
//! ```
//!
//! It is on one line. If there is a purpose, `,"aud":"<purpose>"` follows `kid`. The first
//! kind belongs to a passphrase. The other two belong to a certificate, whose private key
//! signs
//!
//! ```text
//! BASE64URL(header without "sig") "." BASE64URL(encrypted key)
//! ```
//!
//! A header is compared, not interpreted. It must be, to the letter, a header that this
//! module writes; only key id and day, or thumbprint, coordinates and signature vary. So a
//! token cannot choose an algorithm.

use std::fmt::Write;

use base64_simd::URL_SAFE_NO_PAD;

use crate::algorithm::derivation::KEY_ID;
use crate::certificate::certificate::{Curve, KeyKind, THUMBPRINT};
use crate::certificate::wrapping::{Point, Wrapping};
use crate::error::Refusal;
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
        signing_input(self.json.as_bytes(), encrypted_key)
    }

    /// The whole header, in base64url.
    pub(crate) fn signed(mut self, signature: &[u8]) -> String {
        let signature = URL_SAFE_NO_PAD.encode_to_string(signature);
        // Writing to a String does not fail.
        let _ = write!(self.json, r#"{SIGNATURE}{signature}"}}"#);
        URL_SAFE_NO_PAD.encode_to_string(&self.json)
    }
}

/// The header of a token, decoded from base64url.
pub(crate) struct Header(Vec<u8>);

/// The header of a certificate's token: its variable parts, and the text that is signed.
pub(crate) struct SignedHeader {
    pub(crate) point: Option<Point>,
    pub(crate) signature: Vec<u8>,
    /// The header without its signature and its last brace.
    json: Vec<u8>,
}

impl SignedHeader {
    /// The text that is signed.
    pub(crate) fn signing_input(&self, encrypted_key: &str) -> String {
        signing_input(&self.json, encrypted_key)
    }
}

impl Header {
    /// Decodes a header from base64url.
    pub(crate) fn decode(encoded: &[u8]) -> Result<Self, Refusal> {
        let json = URL_SAFE_NO_PAD.decode_to_vec(encoded);
        json.map(Self).map_err(|_| Refusal::Encoding)
    }

    /// Reads the header of a passphrase's token; `None` if the header has another `alg` or
    /// `enc`.
    ///
    /// # Errors
    ///
    /// This module does not write such a header, or it is for another purpose.
    pub(crate) fn direct(
        &self,
        enc: &str,
        purpose: Option<&Purpose>,
    ) -> Result<Option<Kid>, Refusal> {
        let mut reader = Reader(&self.0);
        if reader.expect(&start(DIRECT, enc)).is_none() {
            return Ok(None);
        }
        let kid = reader.kid().ok_or(Refusal::Header)?;
        // Other members make it another program's header, and not one for another purpose.
        if reader.0 != b"}" && !reader.0.starts_with(AUDIENCE.as_bytes()) {
            return Err(Refusal::Header);
        }
        reader.audience(purpose)?;
        match reader.0 {
            b"}" => Ok(Some(kid)),
            _ => Err(Refusal::Header),
        }
    }

    /// The thumbprint in the header of a certificate's token; `None` if the header has
    /// another `alg` or `enc`.
    pub(crate) fn thumbprint(&self, alg: &str, enc: &str) -> Option<[u8; THUMBPRINT]> {
        let mut reader = Reader(&self.0);
        reader.expect(&start(alg, enc))?;
        reader.base64url(THUMBPRINT)?.try_into().ok()
    }

    /// Reads the header of a certificate's token, whose [thumbprint](Self::thumbprint)
    /// belongs to a certificate of this kind.
    ///
    /// # Errors
    ///
    /// This module does not write such a header, or it is for another purpose.
    pub(crate) fn signed(
        &self,
        kind: KeyKind,
        wrapping: Wrapping,
        enc: &str,
        purpose: Option<&Purpose>,
    ) -> Result<SignedHeader, Refusal> {
        let mut reader = Reader(&self.0);
        let start = reader.expect(&start(wrapping.alg(), enc));
        let thumbprint = start.and_then(|()| reader.base64url(THUMBPRINT));
        thumbprint
            .and_then(|_| reader.expect("\""))
            .ok_or(Refusal::Header)?;
        reader.audience(purpose)?;
        let point = match wrapping {
            Wrapping::RsaOaep(_) => None,
            Wrapping::EcdhEs(curve) => Some(reader.point(curve).ok_or(Refusal::Header)?),
        };
        let unsigned = self.0.len().saturating_sub(reader.0.len());
        let signature = reader
            .expect(SIGNATURE)
            .and_then(|()| reader.0.strip_suffix(br#""}"#))
            .ok_or(Refusal::Header)?;
        Ok(SignedHeader {
            point,
            signature: decode(signature, kind.signature_length()).ok_or(Refusal::Signature)?,
            json: self.0.get(..unsigned).unwrap_or_default().to_vec(),
        })
    }
}

/// The rest of a header that is being read. Each method takes one piece from the front, or
/// fails if another piece is there.
struct Reader<'h>(&'h [u8]);

impl Reader<'_> {
    /// Takes this text.
    fn expect(&mut self, text: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(text.as_bytes())?;
        Some(())
    }

    /// Takes the canonical base64url of `length` bytes.
    fn base64url(&mut self, length: usize) -> Option<Vec<u8>> {
        let (text, rest) = self
            .0
            .split_at_checked(URL_SAFE_NO_PAD.encoded_length(length))?;
        let bytes = decode(text, length)?;
        self.0 = rest;
        Some(bytes)
    }

    /// Takes a key id, a day, and the quote after them.
    fn kid(&mut self) -> Option<Kid> {
        let key_id = self.base64url(KEY_ID)?.try_into().ok()?;
        self.expect(".")?;
        let day = self.day()?;
        self.expect("\"")?;
        Some(Kid { key_id, day })
    }

    /// Takes a day in decimal, without leading zeros.
    fn day(&mut self) -> Option<u32> {
        let is_digit = |byte: &&u8| byte.is_ascii_digit();
        let count = self.0.iter().take_while(is_digit).count();
        let (digits, rest) = self.0.split_at_checked(count)?;
        if count > MAX_DAY_DIGITS || (count > 1 && digits.first() == Some(&b'0')) {
            return None;
        }
        self.0 = rest;
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Takes the purpose of a token, which must be this one.
    fn audience(&mut self, purpose: Option<&Purpose>) -> Result<(), Refusal> {
        let matches = self.expect(&audience(purpose)).is_some();
        if matches && !(purpose.is_none() && self.0.starts_with(AUDIENCE.as_bytes())) {
            Ok(())
        } else {
            Err(Refusal::Purpose)
        }
    }

    /// Takes the sender's public key.
    fn point(&mut self, curve: Curve) -> Option<Point> {
        self.expect(&sender_key(curve))?;
        let x = self.base64url(curve.coordinate())?;
        self.expect(r#"","y":""#)?;
        let y = self.base64url(curve.coordinate())?;
        self.expect(r#""}"#)?;
        Some(Point { x, y })
    }
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
    let mut whole = json.to_vec();
    whole.push(b'}');
    let mut input = URL_SAFE_NO_PAD.encode_to_string(&whole);
    input.push('.');
    input.push_str(encrypted_key);
    input
}

/// Decodes canonical base64url to exactly `length` bytes.
fn decode(text: &[u8], length: usize) -> Option<Vec<u8>> {
    let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).ok()?;
    (bytes.len() == length).then_some(bytes)
}
