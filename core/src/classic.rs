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
//! finds the passphrase; see [`Token::decrypt`] for the cipher.

use std::ffi::CStr;
use std::hash::Hasher;

use base64_simd::{AsOut, STANDARD};
use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

use crate::algorithms::MAX_BLOCK;
use crate::derivation::CLASSIC_SALT;
use crate::workbench::KeyedContext;
use crate::{Arena, Cipher, LibraryError, Passphrase, Refusal};

/// Bytes of MAC at the front of a token.
const MAC: usize = 8;

/// A token whose base64 has been taken off, not authenticated yet.
pub(crate) struct Token<'t> {
    mac: &'t [u8; MAC],
    /// What the MAC is over: salt, IV and ciphertext.
    authenticated: &'t [u8],
    salt: &'t [u8; CLASSIC_SALT],
    /// IV and ciphertext; where they part, the cipher tells.
    body: &'t [u8],
}

/// What a cipher makes of a token that is authentic.
pub(crate) enum Decrypted<'a> {
    /// Printable ASCII, which is all that mod_session's own encoding writes.
    Text(&'a CStr),
    /// Well padded, and yet some other bytes.
    Bytes(&'a CStr),
    /// Not what this cipher encrypted.
    Nothing,
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

    /// The IV and the ciphertext, if a cipher can have made them.
    pub(crate) fn parts(&self, cipher: &Cipher) -> Option<(&'t [u8], &'t [u8])> {
        let block = cipher.block_size();
        let (iv, ciphertext) = self.body.split_at_checked(block.get())?;
        let whole = !ciphertext.is_empty() && ciphertext.len() % block == 0;
        whole.then_some((iv, ciphertext))
    }
}

/// Decrypts what an authentic token holds, in a context that has the IV.
///
/// A wrong cipher shows in the padding 255 times of 256; whoever tries
/// several ciphers prefers [`Decrypted::Text`], which a wrong cipher gives
/// less than once in 10⁸ times.
pub(crate) fn decrypt<'a>(
    context: &mut KeyedContext,
    ciphertext: &[u8],
    arena: &impl Arena<'a>,
) -> Result<Decrypted<'a>, LibraryError> {
    let (context, block_size) = context.ready();
    // Room for what EVP_CipherFinal may write after what Update wrote.
    let output = arena.bytes(ciphertext.len().saturating_add(block_size));
    let written = context
        .cipher_update(ciphertext, Some(output))
        .map_err(|stack| LibraryError::new("decrypt", &stack))?;
    // The error is the padding's: a verdict on the token, not a failure. It
    // has taken OpenSSL's queue with it.
    let Ok(last) = context.cipher_final(output.get_mut(written..).unwrap_or_default()) else {
        return Ok(Decrypted::Nothing);
    };
    Ok(session(output, written.saturating_add(last)))
}

/// The first `length` bytes as a session, if none of them is NUL.
fn session(bytes: &mut [u8], length: usize) -> Decrypted<'_> {
    // PKCS#7 pads by one byte at least, so there is one after the session.
    if let Some(end) = bytes.get_mut(length) {
        *end = 0;
    }
    let text = bytes.get(..=length).map(CStr::from_bytes_with_nul);
    match text {
        Some(Ok(text))
            if text
                .to_bytes()
                .iter()
                .all(|byte| matches!(byte, b' '..=b'~')) =>
        {
            Decrypted::Text(text)
        }
        Some(Ok(text)) => Decrypted::Bytes(text),
        _ => Decrypted::Nothing,
    }
}

/// What a token says of how it was encrypted.
pub(crate) struct Head<'h> {
    pub(crate) salt: &'h [u8; CLASSIC_SALT],
    /// A block at least, unpredictable (NIST SP 800-38A, appendix C).
    pub(crate) iv: &'h [u8; MAX_BLOCK],
}

/// Makes a token of a session, in a context that has the key and the IV of
/// its head.
pub(crate) fn seal<'a>(
    context: &mut KeyedContext,
    session: &[u8],
    passphrase: &Passphrase,
    head: Head<'_>,
    scratch: &mut Vec<u8>,
    arena: &impl Arena<'a>,
) -> Result<&'a CStr, LibraryError> {
    let (context, block_size) = context.ready();
    scratch.clear();
    scratch.extend_from_slice(&[0; MAC]);
    scratch.extend_from_slice(head.salt);
    scratch.extend_from_slice(head.iv.get(..block_size).unwrap_or_default());
    context
        .cipher_update_vec(session, scratch)
        .map_err(|stack| LibraryError::new("encrypt", &stack))?;
    context
        .cipher_final_vec(scratch)
        .map_err(|stack| LibraryError::new("finish encrypting", &stack))?;
    if let Some((first, authenticated)) = scratch.split_first_chunk_mut::<MAC>() {
        *first = mac(passphrase, authenticated);
    }
    Ok(text(scratch, arena))
}

/// Base64 of `bytes`, with the NUL that ends a C string.
fn text<'a>(bytes: &[u8], arena: &impl Arena<'a>) -> &'a CStr {
    let length = STANDARD.encoded_length(bytes.len());
    let text = arena.bytes(length.saturating_add(1));
    let _ = STANDARD.encode(bytes, text.get_mut(..length).unwrap_or_default().as_out());
    CStr::from_bytes_until_nul(text).unwrap_or_default()
}

fn mac(passphrase: &Passphrase, bytes: &[u8]) -> [u8; MAC] {
    let mut hasher = SipHasher24::new_with_key(passphrase.mac_key());
    hasher.write(bytes);
    hasher.finish().to_le_bytes()
}
