//! The time that one passphrase takes on an encrypted private key.
//!
//! Encrypted PKCS#8 says its number of rounds (RFC 5958, section 3; RFC 8018). No
//! passphrase is tried on a key that does not follow the format to the letter.

use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::der::Encode;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;
use zeroize::Zeroizing;

/// The most rounds of PBKDF2 in an attempt, which then takes four milliseconds. OpenSSL
/// writes 2,048 rounds. The number of attempts is limited too (`attempts`).
const MAX_ROUNDS: u32 = 10_000;

/// Whether the content is encrypted PKCS#8 in DER.
pub(crate) fn is_encrypted(content: &[u8]) -> bool {
    EncryptedPrivateKeyInfo::try_from(content).is_ok()
}

/// Encrypted PKCS#8 with few rounds, encoded again from the parsed fields, without any
/// other bytes of `content`. `None` if it has many rounds, or has another form.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Encrypted PKCS#8 with pbeWithMD5AndDES-CBC (RFC 8018, section 6.1.2).
    fn older(rounds: u16) -> Vec<u8> {
        let [high, low] = rounds.to_be_bytes();
        [
            &[0x30, 0x27, 0x30, 0x1b, 6, 9][..],
            &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 3],
            &[0x30, 14, 4, 8, 1, 2, 3, 4, 5, 6, 7, 8, 2, 2, high, low],
            &[4, 8, 8, 7, 6, 5, 4, 3, 2, 1],
        ]
        .concat()
    }

    #[test]
    fn counts_the_rounds_of_older_encryption_too() {
        let most = older(10_000);
        assert!(is_encrypted(&most));
        assert_eq!(few(&most).as_deref(), Some(&most));
        assert_eq!(few(&older(10_001)), None);
    }
}
