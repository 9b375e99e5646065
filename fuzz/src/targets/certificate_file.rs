//! A file that a section names as that of a certificate or a private key.
//!
//! The author of a `.htaccess` file may be hostile. OpenSSL reads the same certificate and the
//! same private key in a file that is taken from him as in one of the server's configuration,
//! and no passphrase is tried with more rounds than are allowed.

use std::sync::LazyLock;

use openssl::pkey::PKeyRef;
use session_crypto_core::fuzzing::key_file;
use session_crypto_core::{FileError, Origin, PassphraseList};

use crate::oracle::peer;
use crate::oracle::section::{keyring, passphrase_list};
use crate::oracle::vectors::files;

/// The passphrase of the vectors.
static PASSPHRASES: LazyLock<PassphraseList> =
    LazyLock::new(|| passphrase_list(&keyring(), &["secret"]));

/// The most rounds of PBKDF2 that a passphrase may take.
const MOST_ROUNDS: u64 = 10_000;

/// The identifier of PBKDF2 (RFC 8018, appendix C).
const PBKDF2: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0c";

/// Reads the file of a `.htaccess` file's author, and the same file of the server's.
pub fn run(content: &[u8]) {
    let Ok(author) = key_file(content, Origin::Htaccess, &PASSPHRASES) else {
        return;
    };
    let tried = matches!(
        author.key,
        Ok(Some(_)) | Err(FileError::Locked | FileError::Unsupported)
    );
    if tried {
        assert!(rounds(content).is_none_or(|rounds| rounds <= MOST_ROUNDS));
    }
    // In a file of the server's, such a key may take any time: it is the administrator's choice.
    if author.key.is_err() {
        return;
    }
    let server = key_file(content, Origin::Server, &PASSPHRASES).unwrap();
    if let Ok(certificate) = author.certificate {
        let same = server.certificate.unwrap();
        assert_eq!(certificate.to_der().unwrap(), same.to_der().unwrap());
        assert_eq!(author.is_usable, server.is_usable);
    }
    if let Ok(Some(key)) = author.key {
        let same = server.key.unwrap().unwrap();
        assert!(der(&key) == der(&same));
    }
}

fn der<T: openssl::pkey::HasPrivate>(key: &PKeyRef<T>) -> Vec<u8> {
    key.private_key_to_der().unwrap_or_default()
}

/// The rounds of PBKDF2 in DER, or in the first block of PEM that is such a key: the first
/// number after its identifier.
fn rounds(content: &[u8]) -> Option<u64> {
    let text = format!("\n{}", String::from_utf8_lossy(content));
    // A label within a line begins no block.
    let block = text
        .split("\n-----BEGIN ENCRYPTED PRIVATE KEY-----\n")
        .nth(1);
    let block = block.and_then(|block| block.split("-----").next());
    let block: Option<String> = block.map(|block| block.split_whitespace().collect());
    let der = block.and_then(|block| peer::from_base64(block.as_bytes()));
    let der = der.as_deref().unwrap_or(content);
    let at = der.windows(PBKDF2.len()).position(|part| part == PBKDF2)?;
    // A sequence, and in it the salt.
    let rest = der.get(at + PBKDF2.len()..)?;
    let (tag, rest) = (rest.first()?, rest.get(2..)?);
    let salt = usize::from(*rest.get(1)?);
    let (is_sequence, is_salt) = (*tag == 0x30, *rest.first()? == 4 && salt < 128);
    let number = rest.get(2 + salt..).filter(|_| is_sequence && is_salt)?;
    let length = usize::from(*number.get(1)?);
    let bytes = number
        .get(2..2 + length)
        .filter(|_| number[0] == 2 && length < 8)?;
    Some(
        bytes
            .iter()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

/// The files of the vectors.
pub fn seeds() -> Vec<Vec<u8>> {
    let files = files("certificates").into_iter().chain(files("rounds"));
    files.map(|file| std::fs::read(file).unwrap()).collect()
}
