//! A JWE in compact form (RFC 7516), part by part.
//!
//! ```text
//! BASE64URL(header) "." BASE64URL(encrypted key) "." BASE64URL(nonce) "." BASE64URL(ciphertext) "." BASE64URL(tag)
//! ```
//!
//! | part | bytes | contents |
//! |---|---|---|
//! | header | | see [`header`](crate::jwe::header) |
//! | encrypted key | | empty with a passphrase (RFC 7518, section 4.5); with a certificate, the encrypted content key |
//! | nonce | 12 | RFC 7518, section 5.3 |
//! | ciphertext | n ≥ 1 | the session |
//! | tag | 16 | authenticates ciphertext and encoded header |

use std::mem::MaybeUninit;

use base64_simd::{AsOut, URL_SAFE_NO_PAD};
use memchr::memchr;

use crate::arena::{Arena, Text, Writer};
use crate::error::{LibraryError, Refusal};
use crate::jwe::aead::{NONCE, TAG};

/// Characters of the nonce in base64url.
const NONCE_TEXT: usize = 16;
/// Characters of the tag in base64url.
const TAG_TEXT: usize = 22;
/// Dots between the parts.
const DOTS: usize = 4;

/// The parts of a token.
pub(crate) struct Parts<'t> {
    /// In base64url, which is the associated data (RFC 7516, section 5.1, step 14).
    pub(crate) header: &'t [u8],
    /// In base64url; empty with a passphrase.
    pub(crate) encrypted_key: &'t [u8],
    pub(crate) nonce: [u8; NONCE],
    /// In base64url.
    pub(crate) ciphertext: &'t [u8],
    pub(crate) tag: [u8; TAG],
}

impl<'t> Parts<'t> {
    /// Takes a token apart.
    pub(crate) fn of(token: &'t [u8]) -> Result<Self, Refusal> {
        // Nonce and tag have a fixed length, so only the first two dots need a search. A
        // dot too many is found later, because it is not base64url.
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

    /// Bytes of the ciphertext once it is decoded, which are as many as the session has.
    pub(crate) fn session_length(&self) -> Result<usize, Refusal> {
        URL_SAFE_NO_PAD
            .decoded_length(self.ciphertext)
            .map_err(|_| Refusal::Encoding)
    }

    /// Decodes the ciphertext into `bytes`, of which there must be
    /// [`session_length`](Self::session_length).
    pub(crate) fn decode_ciphertext<'b>(
        &self,
        bytes: &'b mut [MaybeUninit<u8>],
    ) -> Result<&'b mut [u8], Refusal> {
        let decoded = URL_SAFE_NO_PAD.decode(self.ciphertext, bytes.as_out());
        decoded.map_err(|_| Refusal::Encoding)
    }
}

fn split_at_dot(text: &[u8]) -> Option<(&[u8], &[u8])> {
    // The encrypted key of most tokens is empty, which needs no search.
    if let Some(rest) = text.strip_prefix(b".") {
        return Some((&[], rest));
    }
    let (before, rest) = text.split_at_checked(memchr(b'.', text)?)?;
    Some((before, rest.strip_prefix(b".")?))
}

/// Writes a token into an arena.
pub(crate) fn write<'a>(
    arena: &impl Arena<'a>,
    (header, encrypted_key): (&[u8], &[u8]),
    nonce: &[u8; NONCE],
    ciphertext: &[u8],
    tag: &[u8; TAG],
) -> Result<Text<'a>, LibraryError> {
    let lengths = [
        header.len(),
        encrypted_key.len(),
        NONCE_TEXT,
        URL_SAFE_NO_PAD.encoded_length(ciphertext.len()),
        TAG_TEXT,
        DOTS,
    ];
    let length = lengths.into_iter().fold(0, usize::saturating_add);
    let mut writer = arena.writer(length);
    writer.push(header);
    writer.push(b".");
    writer.push(encrypted_key);
    for bytes in [nonce.as_slice(), ciphertext, tag] {
        writer.push(b".");
        let length = URL_SAFE_NO_PAD.encoded_length(bytes.len());
        writer.fill(length, |text| {
            Some(URL_SAFE_NO_PAD.encode(bytes, text.as_out()))
        });
    }
    writer.finish().ok_or_else(LibraryError::wrong_room)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_length_that_is_asked_for() {
        assert_eq!(decode_exactly(b"AQID"), Some([1, 2, 3]));
        assert_eq!(decode_exactly::<2>(b"AQID"), None);
        assert_eq!(decode_exactly::<4>(b"AQID"), None);
        assert_eq!(decode_exactly::<3>(b"AQI*"), None);
    }
}
