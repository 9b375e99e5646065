//! The wire format of httpd's own module, since 2.4.25.
//!
//! A token is canonical base64 (RFC 4648, section 4, with padding) of:
//!
//! | offset | bytes | what |
//! |---|---|---|
//! | 0 | 8 | MAC: SipHash-2-4 of all that follows, little-endian, keyed by MD5 of the passphrase |
//! | 8 | 16 | salt of the key derivation |
//! | 24 | b | IV, one block of the cipher |
//! | 24 + b | n · b, n ≥ 1 | the session, padded by PKCS#7, encrypted in CBC mode |
//!
//! A token does not say which passphrase, cipher or digest made it. The right MAC shows
//! the passphrase; the right padding shows the cipher.

use std::hash::Hasher;
use std::num::NonZeroUsize;

use base64_simd::{AsOut, STANDARD};
use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

use crate::algorithm::cipher::MAX_BLOCK;
use crate::algorithm::derivation::CLASSIC_SALT;
use crate::arena::{Arena, Text, Writer};
use crate::classic::cbc::CbcContext;
use crate::error::{LibraryError, Refusal};
use crate::libcrypto::cipher_calls::ROOM;
use crate::passphrase::passphrase::Passphrase;
use crate::secret::marks;

/// Bytes of MAC at the front of a token.
const MAC: usize = 8;

/// Most bytes that a token has beside its session, with working room.
const MAX_OVERHEAD: usize = MAC + CLASSIC_SALT + 2 * MAX_BLOCK + ROOM;

/// A token in bytes, not authenticated yet.
pub(crate) struct Token<'t> {
    mac: &'t [u8; MAC],
    /// Salt, IV and ciphertext, over which the MAC is computed.
    authenticated: &'t [u8],
    salt: &'t [u8; CLASSIC_SALT],
    /// IV and ciphertext; the cipher says where the one ends.
    body: &'t [u8],
}

impl<'t> Token<'t> {
    /// Decodes a token from base64 into `scratch`.
    pub(crate) fn decode(text: &[u8], scratch: &'t mut Vec<u8>) -> Result<Self, Refusal> {
        let room = STANDARD.estimated_decoded_length(text.len());
        if scratch.len() < room {
            scratch.resize(room, 0);
        }
        let bytes = STANDARD
            .decode(text, scratch.as_mut_slice().as_out())
            .map_err(|_| Refusal::Encoding)?;
        let (mac, authenticated) = bytes.split_first_chunk::<MAC>().ok_or(Refusal::TooShort)?;
        let (salt, body) = authenticated
            .split_first_chunk::<CLASSIC_SALT>()
            .ok_or(Refusal::TooShort)?;
        Ok(Self {
            mac,
            authenticated,
            salt,
            body,
        })
    }

    /// Whether this passphrase made the token, in constant time.
    pub(crate) fn is_authentic(&self, passphrase: &Passphrase) -> bool {
        let mac = u64::from_le_bytes(*self.mac);
        marks::verdict(mac_of(passphrase, self.authenticated).ct_eq(&mac))
    }

    pub(crate) fn salt(&self) -> &[u8; CLASSIC_SALT] {
        self.salt
    }

    /// The MAC, which identifies an authentic token.
    pub(crate) fn mac(&self) -> &[u8; MAC] {
        self.mac
    }

    /// Bytes of IV and ciphertext.
    pub(crate) fn body_length(&self) -> usize {
        self.body.len()
    }

    /// Whether IV and ciphertext together are whole blocks, at least two.
    pub(crate) fn is_of_blocks(&self, block_size: NonZeroUsize) -> bool {
        self.body.len() / block_size >= 2 && self.body.len() % block_size == 0
    }

    /// Decrypts an authentic token [of whole blocks](Self::is_of_blocks); `None` if
    /// another cipher made it.
    ///
    /// The padding shows a wrong cipher, except once in 256 times.
    pub(crate) fn decrypt<'a>(
        &self,
        context: &mut CbcContext,
        block_size: NonZeroUsize,
        arena: &impl Arena<'a>,
    ) -> Result<Option<Text<'a>>, LibraryError> {
        let output = arena.bytes(self.body.len().saturating_add(ROOM));
        let padded = context.decrypt(self.body, output)?;
        // The sender of a token with the right MAC knows the session, or is to have it.
        marks::reveal(padded);
        let padded = padded.get_mut(block_size.get()..);
        Ok(padded.and_then(|padded| unpad(padded, block_size)))
    }
}

/// Replaces PKCS#7 padding (RFC 5652, section 6.3) by a NUL at the end of the text;
/// `None` if there is no padding, or a NUL in the text.
///
/// The time that this takes reveals nothing: only a token with the right MAC gets here.
fn unpad(padded: &mut [u8], block_size: NonZeroUsize) -> Option<Text<'_>> {
    let count = *padded.last()?;
    let length = padded.len().checked_sub(usize::from(count))?;
    let padding = padded.get_mut(length..)?;
    if usize::from(count) > block_size.get() || padding.iter().any(|byte| *byte != count) {
        return None;
    }
    *padding.first_mut()? = 0;
    Text::new(padded.get(..=length)?).filter(|text| !text.has_nul())
}

/// The input for a token, beside the session.
pub(crate) struct SealInput<'k> {
    pub(crate) passphrase: &'k Passphrase,
    pub(crate) block_size: NonZeroUsize,
    pub(crate) salt: [u8; CLASSIC_SALT],
    /// New for each token; as many of its bytes are used as a block has.
    pub(crate) nonce: [u8; MAX_BLOCK],
}

/// Turns a session into a token, in a context that is set up with the key.
pub(crate) fn seal<'a>(
    context: &mut CbcContext,
    session: &[u8],
    input: &SealInput<'_>,
    scratch: &mut Vec<u8>,
    arena: &impl Arena<'a>,
) -> Result<Text<'a>, LibraryError> {
    let block_size = input.block_size;
    scratch.clear();
    // All room at once: a vector that grows leaves a copy of the session behind.
    scratch.reserve(session.len().saturating_add(MAX_OVERHEAD));
    scratch.extend_from_slice(&[0; MAC]);
    scratch.extend_from_slice(&input.salt);
    scratch.extend_from_slice(input.nonce.get(..block_size.get()).unwrap_or_default());
    scratch.extend_from_slice(session);
    // PKCS#7 (RFC 5652, section 6.3): from 1 byte to a whole block, each with the count
    // of these bytes. Working room for the context follows, with any content.
    let count = block_size.get().saturating_sub(session.len() % block_size);
    let length = scratch.len().saturating_add(count);
    scratch.resize(
        length.saturating_add(ROOM),
        u8::try_from(count).unwrap_or_default(),
    );
    let body = scratch.get_mut(MAC.saturating_add(CLASSIC_SALT)..);
    context.encrypt(body.unwrap_or_default(), block_size)?;
    scratch.truncate(length);
    let mac = mac_of(input.passphrase, scratch.get(MAC..).unwrap_or_default());
    if let Some(front) = scratch.first_chunk_mut() {
        *front = mac.to_le_bytes();
    }
    // This is the token, which the browser gets.
    marks::reveal(scratch);
    let text = STANDARD.encoded_length(length);
    let mut writer = arena.writer(text);
    writer.fill(text, |text| Some(STANDARD.encode(scratch, text.as_out())));
    writer.finish().ok_or_else(LibraryError::wrong_room)
}

fn mac_of(passphrase: &Passphrase, bytes: &[u8]) -> u64 {
    let mut hasher = SipHasher24::new_with_key(passphrase.mac_key());
    hasher.write(bytes);
    hasher.finish()
}
