//! JSON Web Encryption, compact (RFC 7516), as we write it.
//!
//! ```text
//! BASE64URL(header) "." BASE64URL(encrypted key) "." BASE64URL(nonce) "." BASE64URL(ciphertext) "." BASE64URL(tag)
//! ```
//!
//! | part | bytes | what |
//! |---|---|---|
//! | header | | `{"alg":"dir","enc":"A256GCM","kid":"<key id>.<day>"}`, with `,"aud":"<purpose>"` before the brace if there is one; that of a certificate is in `wrapped_header` |
//! | encrypted key | | none: `dir` (RFC 7518, section 4.5); or one for a certificate |
//! | nonce | 12 | RFC 7518, section 5.3 |
//! | ciphertext | n ≥ 1 | the session |
//! | tag | 16 | authenticates ciphertext and encoded header |
//!
//! A header is compared, not interpreted: it must be what we would have
//! written, to the letter, but for the key id and the day. So nothing in a
//! token chooses an algorithm.

use std::ffi::CStr;
use std::fmt::Write;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use memchr::memchr;

use crate::algorithm::derivation::KEY_ID;
use crate::error::Refusal;
use crate::jwe::aead::{NONCE, TAG};
use crate::purpose::Purpose;

/// Characters of a key id, and of what nonce and tag are in base64url.
const KEY_ID_TEXT: usize = 8;
const NONCE_TEXT: usize = 16;
const TAG_TEXT: usize = 22;

/// Digits of the last day there is, 2^32 - 1.
const MAX_DAY_DIGITS: usize = 10;

/// What the header of a token says that we do not know beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kid {
    pub(crate) key_id: [u8; KEY_ID],
    pub(crate) day: u32,
}

/// Writes a header, in base64url.
pub(crate) fn header(enc: &str, kid: &Kid, purpose: Option<&Purpose>) -> String {
    let mut text = String::new();
    let key_id = URL_SAFE_NO_PAD.encode_to_string(kid.key_id);
    // Writing to a String does not fail.
    let _ = write!(
        text,
        r#"{{"alg":"dir","enc":"{enc}","kid":"{key_id}.{}""#,
        kid.day
    );
    if let Some(purpose) = purpose {
        let _ = write!(text, r#","aud":"{}""#, purpose.as_str());
    }
    text.push('}');
    URL_SAFE_NO_PAD.encode_to_string(text)
}

/// Reads an encoded header that was written for this encryption; `None` if it
/// was not.
///
/// # Errors
///
/// It was, but for another purpose.
pub(crate) fn read_header(
    encoded: &[u8],
    enc: &str,
    purpose: Option<&Purpose>,
) -> Result<Option<Kid>, Refusal> {
    let header = URL_SAFE_NO_PAD
        .decode_to_vec(encoded)
        .map_err(|_| Refusal::Encoding)?;
    let Some((kid, rest)) = read_kid(&header, enc) else {
        return Ok(None);
    };
    let given = match rest {
        b"}" => None,
        _ => match rest
            .strip_prefix(br#","aud":""#)
            .and_then(|rest| rest.strip_suffix(br#""}"#))
        {
            Some(given) => Some(given),
            None => return Ok(None),
        },
    };
    if given == purpose.map(|purpose| purpose.as_str().as_bytes()) {
        Ok(Some(kid))
    } else {
        Err(Refusal::Purpose)
    }
}

fn read_kid<'h>(header: &'h [u8], enc: &str) -> Option<(Kid, &'h [u8])> {
    let rest = header.strip_prefix(br#"{"alg":"dir","enc":""#)?;
    let rest = rest
        .strip_prefix(enc.as_bytes())?
        .strip_prefix(br#"","kid":""#)?;
    let (key_id, rest) = rest.split_first_chunk::<KEY_ID_TEXT>()?;
    let key_id = decode_exactly(key_id)?;
    let rest = rest.strip_prefix(b".")?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (day, rest) = rest.split_at_checked(digits)?;
    Some((
        Kid {
            key_id,
            day: read_day(day)?,
        },
        rest.strip_prefix(b"\"")?,
    ))
}

/// A day in decimal, without leading zeros.
fn read_day(digits: &[u8]) -> Option<u32> {
    if digits.len() > MAX_DAY_DIGITS || (digits.len() > 1 && digits.first() == Some(&b'0')) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The parts of a token.
pub(crate) struct Parts<'t> {
    /// As it is in the token: the associated data (RFC 7516, section 5.1, 14).
    pub(crate) header: &'t [u8],
    /// Not decoded, and empty without one.
    pub(crate) encrypted_key: &'t [u8],
    pub(crate) nonce: [u8; NONCE],
    /// Not decoded yet.
    pub(crate) ciphertext: &'t [u8],
    pub(crate) tag: [u8; TAG],
}

impl<'t> Parts<'t> {
    /// Takes a token apart.
    pub(crate) fn of(token: &'t [u8]) -> Result<Self, Refusal> {
        // Nonce and tag have one length, so there are two dots to look for;
        // another one is no base64url.
        let parts = || {
            let (header, rest) = split_at_dot(token)?;
            let (encrypted_key, rest) = split_at_dot(rest)?;
            let (nonce, rest) = rest.split_first_chunk::<NONCE_TEXT>()?;
            let (rest, tag) = rest.strip_prefix(b".")?.split_last_chunk::<TAG_TEXT>()?;
            let ciphertext = rest.strip_suffix(b".").filter(|text| !text.is_empty())?;
            Some((header, encrypted_key, nonce, ciphertext, tag))
        };
        let (header, encrypted_key, nonce, ciphertext, tag) = parts().ok_or(Refusal::Parts)?;
        Ok(Self {
            header,
            encrypted_key,
            nonce: decode_exactly(nonce).ok_or(Refusal::Encoding)?,
            ciphertext,
            tag: decode_exactly(tag).ok_or(Refusal::Encoding)?,
        })
    }

    /// Bytes of ciphertext, once decoded.
    pub(crate) fn session_length(&self) -> Result<usize, Refusal> {
        URL_SAFE_NO_PAD
            .decoded_length(self.ciphertext)
            .map_err(|_| Refusal::Encoding)
    }

    /// Decodes the ciphertext into as many bytes.
    pub(crate) fn decode_ciphertext(&self, bytes: &mut [u8]) -> Result<(), Refusal> {
        let decoded = URL_SAFE_NO_PAD.decode(self.ciphertext, bytes.as_out());
        decoded.map(|_| ()).map_err(|_| Refusal::Encoding)
    }
}

fn split_at_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (before, rest) = text.split_at_checked(memchr(b'.', text)?)?;
    Some((before, rest.strip_prefix(b".")?))
}

/// Characters of a token whose header and encrypted key have as many, with a
/// NUL after it.
pub(crate) fn token_length(header: &[u8], encrypted_key: &[u8], session: usize) -> usize {
    [
        header.len(),
        encrypted_key.len(),
        NONCE_TEXT,
        URL_SAFE_NO_PAD.encoded_length(session),
        TAG_TEXT,
        5,
    ]
    .into_iter()
    .fold(0, usize::saturating_add)
}

/// Writes a token, and a NUL, into [`token_length`] bytes; `None` if they are
/// not as many.
pub(crate) fn write<'t>(
    text: &'t mut [u8],
    (header, encrypted_key): (&[u8], &[u8]),
    nonce: &[u8; NONCE],
    ciphertext: &[u8],
    tag: &[u8; TAG],
) -> Option<&'t CStr> {
    let rest = put(put(&mut *text, header)?, b".")?;
    let rest = put(put(rest, encrypted_key)?, b".")?;
    let rest = put(encode(rest, nonce)?, b".")?;
    let rest = put(encode(rest, ciphertext)?, b".")?;
    let rest = put(encode(rest, tag)?, b"\0")?;
    rest.is_empty()
        .then(|| CStr::from_bytes_with_nul(text).ok())?
}

fn put<'t>(text: &'t mut [u8], what: &[u8]) -> Option<&'t mut [u8]> {
    let (here, rest) = text.split_at_mut_checked(what.len())?;
    here.copy_from_slice(what);
    Some(rest)
}

fn encode<'t>(text: &'t mut [u8], bytes: &[u8]) -> Option<&'t mut [u8]> {
    let length = URL_SAFE_NO_PAD.encoded_length(bytes.len());
    let (here, rest) = text.split_at_mut_checked(length)?;
    let _ = URL_SAFE_NO_PAD.encode(bytes, here.as_out());
    Some(rest)
}

/// Decodes canonical base64url to exactly `N` bytes.
fn decode_exactly<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if URL_SAFE_NO_PAD.decoded_length(text).ok()? != N {
        return None;
    }
    let decoded = URL_SAFE_NO_PAD
        .decode(text, bytes.as_mut_slice().as_out())
        .ok()?;
    (decoded.len() == N).then_some(bytes)
}
