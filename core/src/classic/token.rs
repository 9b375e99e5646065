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
//! Nothing in it says which passphrase, cipher or digest made it. The MAC
//! finds the passphrase; the padding, the cipher.

use std::ffi::CStr;
use std::hash::Hasher;
use std::num::NonZeroUsize;

use base64_simd::{AsOut, STANDARD};
use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

use crate::algorithm::cipher::MAX_BLOCK;
use crate::algorithm::derivation::CLASSIC_SALT;
use crate::arena::{self, Arena};
use crate::classic::cbc::CbcContext;
use crate::error::{LibraryError, Refusal};
use crate::passphrase::passphrase::Passphrase;

/// Bytes of MAC at the front of a token.
const MAC: usize = 8;

/// What a token has more than its session, and a block to work with.
const MAX_OVERHEAD: usize = MAC + CLASSIC_SALT + 3 * MAX_BLOCK;

/// A token whose base64 has been taken off, not authenticated yet.
pub(crate) struct Token<'t> {
    mac: &'t [u8; MAC],
    /// What the MAC is over: salt, IV and ciphertext.
    authenticated: &'t [u8],
    salt: &'t [u8; CLASSIC_SALT],
    /// IV and ciphertext; where they part, the cipher tells.
    body: &'t [u8],
}

impl<'t> Token<'t> {
    /// Takes the base64 off, into `scratch`.
    pub(crate) fn decode(text: &[u8], scratch: &'t mut Vec<u8>) -> Result<Self, Refusal> {
        let length = STANDARD
            .decoded_length(text)
            .map_err(|_| Refusal::Encoding)?;
        scratch.resize(length, 0);
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

    /// Tells, in constant time, whether this passphrase made the token.
    pub(crate) fn is_authentic(&self, passphrase: &Passphrase) -> bool {
        mac(passphrase, self.authenticated).ct_eq(self.mac).into()
    }

    pub(crate) fn salt(&self) -> &[u8; CLASSIC_SALT] {
        self.salt
    }

    /// The MAC, which tells an authentic token from all others.
    pub(crate) fn mac(&self) -> &[u8; MAC] {
        self.mac
    }

    /// Bytes of IV and ciphertext.
    pub(crate) fn body_length(&self) -> usize {
        self.body.len()
    }

    /// Whether IV and ciphertext are whole blocks, and two at least.
    pub(crate) fn is_of_blocks(&self, block_size: NonZeroUsize) -> bool {
        self.body.len() / block_size >= 2 && self.body.len() % block_size == 0
    }

    /// Decrypts an authentic token [of blocks](Self::is_of_blocks); `None` if
    /// this cipher did not make it.
    ///
    /// A wrong cipher shows in the padding, but for once in 256 times.
    pub(crate) fn decrypt<'a>(
        &self,
        context: &mut CbcContext,
        block_size: NonZeroUsize,
        arena: &impl Arena<'a>,
    ) -> Result<Option<&'a CStr>, LibraryError> {
        let output = arena.bytes(self.body.len().saturating_add(block_size.get()));
        context.decrypt(self.body, output)?;
        let padded = output.get_mut(block_size.get()..self.body.len());
        Ok(padded.and_then(|padded| unpad(padded, block_size)))
    }
}

/// Takes PKCS#7 padding off (RFC 5652, section 6.3), and ends what is left
/// with a NUL in its place; `None` if it is not padded, or holds a NUL.
///
/// The time this takes tells nothing: the MAC came first.
fn unpad(padded: &mut [u8], block_size: NonZeroUsize) -> Option<&CStr> {
    let count = *padded.last()?;
    let length = padded.len().checked_sub(usize::from(count))?;
    let padding = padded.get_mut(length..)?;
    if usize::from(count) > block_size.get() || padding.iter().any(|byte| *byte != count) {
        return None;
    }
    *padding.first_mut()? = 0;
    CStr::from_bytes_with_nul(padded.get(..=length)?).ok()
}

/// The input for a token, beside the session.
pub(crate) struct SealInput<'k> {
    pub(crate) passphrase: &'k Passphrase,
    pub(crate) block_size: NonZeroUsize,
    pub(crate) salt: [u8; CLASSIC_SALT],
    /// Another for each token; as many bytes are used as the cipher has block.
    pub(crate) nonce: [u8; MAX_BLOCK],
}

/// Makes a token of a session, in a context that has the key.
pub(crate) fn seal<'a>(
    context: &mut CbcContext,
    session: &[u8],
    input: &SealInput<'_>,
    scratch: &mut Vec<u8>,
    arena: &impl Arena<'a>,
) -> Result<&'a CStr, LibraryError> {
    let block_size = input.block_size;
    scratch.clear();
    // At once, for growing would leave a copy of the session behind.
    scratch.reserve(session.len().saturating_add(MAX_OVERHEAD));
    scratch.extend_from_slice(&[0; MAC]);
    scratch.extend_from_slice(&input.salt);
    scratch.extend(input.nonce.iter().take(block_size.get()));
    scratch.extend_from_slice(session);
    // PKCS#7 (RFC 5652, section 6.3): 1 to a whole block of that number.
    let count = block_size.get().saturating_sub(session.len() % block_size);
    let length = scratch.len().saturating_add(count);
    scratch.resize(length, u8::try_from(count).unwrap_or_default());
    // A block for the context to work with.
    scratch.resize(length.saturating_add(block_size.get()), 0);
    let body = scratch.get_mut(MAC.saturating_add(CLASSIC_SALT)..);
    context.encrypt(body.unwrap_or_default(), block_size)?;
    scratch.truncate(length);
    let mac = mac(input.passphrase, scratch.get(MAC..).unwrap_or_default());
    for (byte, mac) in scratch.iter_mut().zip(mac) {
        *byte = mac;
    }
    arena::text(arena, STANDARD.encoded_length(length), |text| {
        let _ = STANDARD.encode(scratch, text.as_out());
        Some(())
    })
}

fn mac(passphrase: &Passphrase, bytes: &[u8]) -> [u8; MAC] {
    let mut hasher = SipHasher24::new_with_key(passphrase.mac_key());
    hasher.write(bytes);
    hasher.finish().to_le_bytes()
}
