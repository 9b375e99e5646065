//! How long a passphrase of an encrypted private key takes to try: what
//! encrypted PKCS#8 says of itself (RFC 5958, section 3; RFC 8018).
//!
//! A block that cannot be read to the letter is not tried either.

use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::Encode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use zeroize::Zeroizing;

/// Rounds of PBKDF2, of which OpenSSL takes 2,048: four milliseconds, for each of
/// the attempts that there are (`attempts`).
const MAX_ROUNDS: u32 = 10_000;

/// Whether this is encrypted PKCS#8 in DER.
pub(crate) fn is_encrypted(content: &[u8]) -> bool {
    EncryptedPrivateKeyInfo::try_from(content).is_ok()
}

/// Encrypted PKCS#8 that takes few rounds, written anew from what was read: no
/// other bytes of it are left. `None` if it takes many, or is anything else.
pub(crate) fn few(content: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let key = EncryptedPrivateKeyInfo::try_from(content).ok()?;
    if !is_quick(&key.encryption_algorithm) {
        return None;
    }
    let length = usize::try_from(key.encoded_len().ok()?).ok()?;
    let mut der = Zeroizing::new(vec![0; length]);
    key.encode_to_slice(&mut der).ok()?;
    Some(der)
}

fn is_quick(scheme: &EncryptionScheme<'_>) -> bool {
    match scheme {
        EncryptionScheme::Pbes1(parameters) => {
            u32::from(parameters.parameters.iteration_count) <= MAX_ROUNDS
        }
        EncryptionScheme::Pbes2(parameters) => match &parameters.kdf {
            Kdf::Pbkdf2(kdf) => kdf.iteration_count <= MAX_ROUNDS,
            // scrypt is slow on purpose.
            _ => false,
        },
        _ => false,
    }
}
