//! How long a passphrase of an encrypted private key takes to try: what
//! encrypted PKCS#8 says of itself (RFC 5958, section 3; RFC 8018).
//!
//! What cannot be read is not tried either.

use base64_simd::STANDARD;
use memchr::memmem;
use pkcs8::EncryptedPrivateKeyInfo;
use pkcs8::pkcs5::EncryptionScheme;
use pkcs8::pkcs5::pbes2::Kdf;

/// Rounds of PBKDF2, of which OpenSSL takes 2,048: ten milliseconds, for each of
/// a section's passphrases and keys.
const MAX_ROUNDS: u32 = 10_000;

/// What stands for an encrypted key in PEM, and before and after it.
const LABEL: &[u8] = b"ENCRYPTED PRIVATE KEY";
const BEGIN: &[u8] = b"-----BEGIN ENCRYPTED PRIVATE KEY-----";
const END: &[u8] = b"-----END ENCRYPTED PRIVATE KEY-----";

/// Whether this is encrypted PKCS#8 in DER.
pub(crate) fn is_encrypted(content: &[u8]) -> bool {
    EncryptedPrivateKeyInfo::try_from(content).is_ok()
}

/// Whether this is no encrypted PKCS#8 in DER, or takes few rounds.
pub(crate) fn are_few(content: &[u8]) -> bool {
    match EncryptedPrivateKeyInfo::try_from(content) {
        Ok(key) => is_quick(&key.encryption_algorithm),
        // Of what OpenSSL might take for it.
        Err(_) => !begins_like_it(content),
    }
}

/// Whether every encrypted PKCS#8 in PEM takes few rounds. Those in the older
/// form (`Proc-Type: 4,ENCRYPTED`) take one.
pub(crate) fn are_few_in_pem(content: &[u8]) -> bool {
    let labels = memmem::find_iter(content, LABEL).count();
    let blocks = memmem::find_iter(content, BEGIN).map(|start| {
        let body = content.get(start.saturating_add(BEGIN.len())..)?;
        let body = body.get(..memmem::find(body, END)?)?;
        let body = body.iter().copied();
        let text: Vec<u8> = body.filter(|byte| !byte.is_ascii_whitespace()).collect();
        let der = STANDARD.decode_to_vec(text).ok()?;
        let key = EncryptedPrivateKeyInfo::try_from(der.as_slice()).ok()?;
        is_quick(&key.encryption_algorithm).then_some(())
    });
    // Each block has two labels, and whatever else has one is not known.
    let mut expected: usize = 0;
    for block in blocks {
        if block.is_none() {
            return false;
        }
        expected = expected.saturating_add(2);
    }
    labels == expected
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

/// Whether this is a SEQUENCE that begins with another, as encrypted PKCS#8
/// does; a private key that is not encrypted begins with a number.
fn begins_like_it(content: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    let Some((&SEQUENCE, rest)) = content.split_first() else {
        return false;
    };
    // A length of 128 and more is preceded by the number of its bytes.
    let bytes = match rest.first() {
        Some(first @ 0x80..) => usize::from(first & 0x7f),
        _ => 0,
    };
    rest.get(bytes.saturating_add(1)) == Some(&SEQUENCE)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    /// One key in the forms in which `openssl pkcs8 -topk8 -iter` and others
    /// write it: what a name begins with is what is expected.
    #[test]
    fn tells_few_rounds_from_many() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/rounds");
        let mut tried = 0;
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let pem = fs::read(&path).unwrap();
            let are_few = name.starts_with("few");
            assert_eq!(are_few_in_pem(&pem), are_few, "{name}");
            if let Some(der) = der(&pem) {
                assert_eq!(super::are_few(&der), are_few, "{name}");
                for length in 2..der.len() {
                    // Cut off, it begins like it, or is nothing to open.
                    let cut = &der[..length];
                    assert!(!super::are_few(cut) || !begins_like_it(cut), "{name}");
                }
            }
            tried += 1;
        }
        assert_eq!(tried, 8);
    }

    #[test]
    fn every_key_of_a_file_counts() {
        let few = include_bytes!("../vectors/rounds/few-pbkdf2.pem").as_slice();
        let many = include_bytes!("../vectors/rounds/many-pbkdf2.pem").as_slice();
        assert!(are_few_in_pem(&[few, few].concat()));
        assert!(!are_few_in_pem(&[few, many].concat()));
        assert!(!are_few_in_pem(&[many, few].concat()));
    }

    #[test]
    fn what_cannot_be_read_is_not_tried() {
        assert!(!are_few_in_pem(&[BEGIN, b"AAAA"].concat()));
        assert!(!are_few_in_pem(&[BEGIN, b"MA==".as_slice(), END].concat()));
        assert!(!are_few_in_pem(b"-----BEGIN X ENCRYPTED PRIVATE KEY-----"));
        assert!(are_few_in_pem(b"-----BEGIN PRIVATE KEY-----"));
        assert!(are_few(b"one"));
    }

    /// The encrypted key of a vector.
    fn der(pem: &[u8]) -> Option<Vec<u8>> {
        let text = std::str::from_utf8(pem).unwrap();
        let body = text.split_once(std::str::from_utf8(BEGIN).unwrap())?.1;
        let body = body.split_once("-----END").unwrap().0;
        Some(STANDARD.decode_to_vec(body.replace('\n', "")).unwrap())
    }
}
