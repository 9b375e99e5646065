//! AES key wrap (RFC 3394), with OpenSSL's check of integrity, which takes the same time
//! for each wrong text.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::{CipherCtx, CipherCtxFlags};
use openssl::error::ErrorStack;
use zeroize::Zeroizing;

use crate::libcrypto::verdict::{self, Denial, Library};
use crate::secret::marks;

/// The bytes that wrapping adds (RFC 3394, section 2.2.1).
pub(crate) const WRAP_OVERHEAD: usize = 8;

/// Wraps a content key with a key of 16, 24 or 32 bytes.
///
/// # Errors
///
/// OpenSSL fails, or the key has another length.
pub(crate) fn wrap(kek: &[u8], key: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let mut context = context()?;
    context.encrypt_init(Some(&*cipher(kek)?), Some(kek), None)?;
    let mut wrapped = vec![0; key.len().saturating_add(WRAP_OVERHEAD)];
    let length = context.cipher_update(key, Some(&mut wrapped))?;
    wrapped.truncate(length);
    marks::reveal(&mut wrapped);
    Ok(wrapped)
}

/// Unwraps a content key; `None` if it was not wrapped with this key.
///
/// # Errors
///
/// OpenSSL fails, or the key has another length than 16, 24 or 32 bytes.
pub(crate) fn unwrap(kek: &[u8], wrapped: &[u8]) -> Result<Option<Zeroizing<Vec<u8>>>, ErrorStack> {
    let mut context = context()?;
    context.decrypt_init(Some(&*cipher(kek)?), Some(kek), None)?;
    let mut key = Zeroizing::new(vec![0; wrapped.len().saturating_add(WRAP_OVERHEAD)]);
    let no = Denial::Reason(Library::PROVIDER);
    let length = verdict::judged(no, || context.cipher_update(wrapped, Some(&mut key)))?;
    // OpenSSL turns an empty input into an empty output.
    Ok(length.filter(|length| *length > 0).map(|length| {
        key.truncate(length);
        // To valgrind, what is read from a table depends on the table alone.
        marks::hide(&mut key);
        key
    }))
}

/// AES key wrap without padding, by the length of the key.
fn cipher(kek: &[u8]) -> Result<Cipher, ErrorStack> {
    let name = match kek.len() {
        16 => "AES-128-WRAP",
        24 => "AES-192-WRAP",
        _ => "AES-256-WRAP",
    };
    Cipher::fetch(None, name, None)
}

fn context() -> Result<CipherCtx, ErrorStack> {
    let mut context = CipherCtx::new()?;
    // Without this flag OpenSSL refuses wrap modes (EVP_EncryptInit(3)).
    context.set_flags(CipherCtxFlags::FLAG_WRAP_ALLOW);
    Ok(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: String = text.split_whitespace().collect();
        let pairs = digits.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    const KEK: &str = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
    const KEY: &str = "00112233445566778899AABBCCDDEEFF000102030405060708090A0B0C0D0E0F";

    /// RFC 3394, sections 4.1 to 4.6: bits of the wrapping key, bits of the key, and what
    /// comes out.
    const EXAMPLES: [(usize, usize, &str); 6] = [
        (
            128,
            128,
            "1FA68B0A8112B447 AEF34BD8FB5A7B82 9D3E862371D2CFE5",
        ),
        (
            192,
            128,
            "96778B25AE6CA435 F92B5B97C050AED2 468AB8A17AD84E5D",
        ),
        (
            256,
            128,
            "64E8C3F9CE0F5BA2 63E9777905818A2A 93C8191E7D6E8AE7",
        ),
        (
            192,
            192,
            "031D33264E15D332 68F24EC260743EDC E1C6C7DDEE725A93 6BA814915C6762D2",
        ),
        (
            256,
            192,
            "A8F9BC1612C68B3F F6E6F4FBE30E71E4 769C8B80A32CB895 8CD5D17D6B254DA1",
        ),
        (
            256,
            256,
            "28C9F404C4B810F4 CBCCB35CFB87F826 3F5786E2D80ED326 \
             CBC7F0E71A99F43B FB988B9B7A02DD21",
        ),
    ];

    #[test]
    fn wraps_as_rfc_3394_does() {
        for (kek_bits, key_bits, wrapped) in EXAMPLES {
            let (kek, key, wrapped) = (hex(KEK), hex(KEY), hex(wrapped));
            let (kek, key) = (&kek[..kek_bits / 8], &key[..key_bits / 8]);
            assert_eq!(wrap(kek, key).unwrap(), wrapped, "{kek_bits} {key_bits}");
            let unwrap = |wrapped: &[u8]| unwrap(kek, wrapped).unwrap();
            assert_eq!(*unwrap(&wrapped).unwrap(), key);
            for index in 0..wrapped.len() {
                let mut changed = wrapped.clone();
                changed[index] ^= 1;
                assert!(unwrap(&changed).is_none());
                assert!(unwrap(&wrapped[..index]).is_none());
            }
            let longer = [wrapped.as_slice(), &[0; 8]].concat();
            assert!(unwrap(&longer).is_none());
        }
    }
}
