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
use openssl::cipher_ctx::CipherCtx;
use siphasher::sip::SipHasher24;
use subtle::ConstantTimeEq;

use crate::algorithms::MAX_BLOCK;
use crate::derivation::{CLASSIC_SALT, ClassicKey};
use crate::{Arena, Cipher, LibraryError, Passphrase, Refusal, SealError, Sealer};

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
    /// Takes the base64 off.
    pub(crate) fn decode(text: &[u8], arena: &impl Arena<'t>) -> Result<Self, Refusal> {
        if text.len() > Sealer::MAX_TOKEN {
            return Err(Refusal::TooLong);
        }
        let length = STANDARD
            .decoded_length(text)
            .map_err(|_| Refusal::Encoding)?;
        let bytes = arena.bytes(length);
        let bytes = STANDARD
            .decode(text, bytes.as_out())
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

    /// Decrypts a token that is authentic.
    ///
    /// A wrong cipher shows in the padding 255 times of 256; whoever tries
    /// several ciphers prefers [`Decrypted::Text`], which a wrong cipher gives
    /// less than once in 10⁸ times.
    pub(crate) fn decrypt<'a>(
        &self,
        cipher: &Cipher,
        key: &[u8],
        arena: &impl Arena<'a>,
    ) -> Result<Decrypted<'a>, LibraryError> {
        let block = cipher.block_size();
        let Some((iv, ciphertext)) = self.body.split_at_checked(block.get()) else {
            return Ok(Decrypted::Nothing);
        };
        if ciphertext.is_empty() || ciphertext.len() % block != 0 {
            return Ok(Decrypted::Nothing);
        }
        // Room for what EVP_CipherFinal may write after what Update wrote.
        let output = arena.bytes(ciphertext.len().saturating_add(block.get()));
        let mut context =
            CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))?;
        context
            .decrypt_init(Some(cipher.evp()), Some(key), Some(iv))
            .map_err(|stack| LibraryError::new("start decrypting", &stack))?;
        let written = context
            .cipher_update(ciphertext, Some(output))
            .map_err(|stack| LibraryError::new("decrypt", &stack))?;
        // Dropping the error drains OpenSSL's queue: ErrorStack took it all.
        let Ok(last) = context.cipher_final(output.get_mut(written..).unwrap_or_default()) else {
            return Ok(Decrypted::Nothing);
        };
        Ok(session(output, written.saturating_add(last)))
    }
}

/// The first `length` bytes as a session, if none of them is NUL.
fn session<'a>(bytes: &'a mut [u8], length: usize) -> Decrypted<'a> {
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

/// Makes a token of a session.
///
/// `iv` holds a block at least and must be unpredictable (NIST SP 800-38A, C).
pub(crate) fn seal<'a>(
    session: &[u8],
    passphrase: &Passphrase,
    cipher: &Cipher,
    key: &ClassicKey,
    salt: &[u8; CLASSIC_SALT],
    iv: &[u8; MAX_BLOCK],
    arena: &impl Arena<'a>,
) -> Result<&'a CStr, SealError> {
    if session.len() > Sealer::MAX_SESSION {
        return Err(SealError::TooLarge);
    }
    let block = cipher.block_size();
    let padded = session.len().saturating_add(block.get());
    let padded = padded.saturating_sub(session.len() % block);
    let block = block.get();
    let head = MAC.saturating_add(CLASSIC_SALT);
    let length = head.saturating_add(block).saturating_add(padded);

    // One block more than the token: EVP_CipherFinal asks for it.
    let raw = arena.bytes(length.saturating_add(block));
    let iv = iv.get(..block).unwrap_or_default();
    {
        let (head, body) = raw.split_at_mut_checked(head).unwrap_or_default();
        head.get_mut(MAC..)
            .unwrap_or_default()
            .copy_from_slice(salt);
        let (iv_out, output) = body.split_at_mut_checked(block).unwrap_or_default();
        iv_out.copy_from_slice(iv);
        encrypt(session, cipher, key, iv, output)?;
    }
    let (mac_out, authenticated) = raw
        .get_mut(..length)
        .unwrap_or_default()
        .split_at_mut_checked(MAC)
        .unwrap_or_default();
    mac_out.copy_from_slice(&mac(passphrase, authenticated));
    Ok(text(raw.get(..length).unwrap_or_default(), arena))
}

fn encrypt(
    session: &[u8],
    cipher: &Cipher,
    key: &ClassicKey,
    iv: &[u8],
    output: &mut [u8],
) -> Result<(), LibraryError> {
    let mut context =
        CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))?;
    context
        .encrypt_init(
            Some(cipher.evp()),
            key.prefix(cipher.key_length()),
            Some(iv),
        )
        .map_err(|stack| LibraryError::new("start encrypting", &stack))?;
    let written = context
        .cipher_update(session, Some(output))
        .map_err(|stack| LibraryError::new("encrypt", &stack))?;
    context
        .cipher_final(output.get_mut(written..).unwrap_or_default())
        .map_err(|stack| LibraryError::new("finish encrypting", &stack))?;
    Ok(())
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
