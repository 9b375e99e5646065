//! The files that `.htaccess` names: a certificate and a private key, and no other
//! content.
//!
//! The author of a file chooses the number of rounds that a passphrase takes, and a
//! request waits for them. If this crate parsed the file, it might read the file
//! differently from OpenSSL. Then an author could show few rounds to this crate, and
//! many to OpenSSL. So OpenSSL takes the file apart, and a passphrase is tried only on
//! two forms of keys:
//!
//! - encrypted PKCS#8 with few rounds, encoded again from the parsed fields;
//! - a block of the older PEM form, which takes one round. Its decrypted content is
//!   then read without a passphrase.

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use zeroize::Zeroizing;

use crate::certificate::file_error::{FileError, parsed};
use crate::certificate::rounds;
use crate::certificate::unlock::{PassphraseTrial, unlock};
use crate::libcrypto::pem::{self, Block};

/// The certificate and the private key of a file.
pub(crate) struct HtaccessFile {
    certificate: Option<X509>,
    key: Option<Key>,
}

enum Key {
    /// A key in DER that is not encrypted.
    Plain(Zeroizing<Vec<u8>>),
    /// Encrypted PKCS#8 in DER, with few rounds.
    Encrypted(Zeroizing<Vec<u8>>),
    /// A block that is encrypted as in RFC 1421, the older PEM form.
    Older(Block),
}

/// The labels of PEM blocks that begin with a certificate.
const CERTIFICATES: [&[u8]; 3] = [b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"];

/// The label of encrypted PKCS#8, and the end of the labels of all private keys.
const ENCRYPTED: &[u8] = b"ENCRYPTED PRIVATE KEY";
const PRIVATE_KEY: &[u8] = b"PRIVATE KEY";

/// The bytes of the buffer for a passphrase: OpenSSL takes as many (`PEM_BUFSIZE`).
const MAX_PASSPHRASE: usize = 1024;

impl HtaccessFile {
    /// Reads PEM: the first certificate, and the first private key.
    ///
    /// # Errors
    ///
    /// A part cannot be read, or may take long to open. Parts that are not needed count
    /// too.
    pub(crate) fn pem(content: &[u8]) -> Result<Self, FileError> {
        let mut found = Self {
            certificate: None,
            key: None,
        };
        for block in pem::blocks(content).map_err(|stack| FileError::of(&stack))? {
            if CERTIFICATES.contains(&block.label.as_slice()) {
                let certificate = certificate(&block)?;
                found.certificate.get_or_insert(certificate);
            } else if let Some(key) = key(block)? {
                found.key.get_or_insert(key);
            }
        }
        Ok(found)
    }

    /// Reads DER: a certificate, or else a private key.
    ///
    /// # Errors
    ///
    /// The private key may take long to open.
    pub(crate) fn der(content: &[u8]) -> Result<Self, FileError> {
        let certificate = parsed(X509::from_der(content))?;
        let key = if certificate.is_some() {
            None
        } else if parsed(pem::encrypted_pkcs8(content))?.is_some() {
            let key = rounds::few(content).ok_or(FileError::TooSlow)?;
            Some(Key::Encrypted(key))
        } else {
            let key = parsed(PKey::private_key_from_der(content))?;
            key.map(|_| Key::Plain(Zeroizing::new(content.to_vec())))
        };
        Ok(Self { certificate, key })
    }

    /// Whether there is a private key that is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.key, Some(Key::Encrypted(_) | Key::Older(_)))
    }

    /// The certificate, or an error if the file has none.
    pub(crate) fn certificate(&self) -> Result<X509, FileError> {
        self.certificate.clone().ok_or(FileError::NoCertificate)
    }

    /// The private key, or `None` if the file has none.
    ///
    /// # Errors
    ///
    /// It cannot be read, or no passphrase opens it.
    pub(crate) fn private_key(
        &self,
        trial: PassphraseTrial<'_>,
    ) -> Result<Option<PKey<Private>>, FileError> {
        if self.is_encrypted() && trial.passphrases.is_empty() {
            // The empty passphrase is not tried either, because it takes as long as
            // others.
            return Err(FileError::NoPassphrase);
        }
        match &self.key {
            None => Ok(None),
            Some(Key::Plain(der)) => PKey::private_key_from_der(der)
                .map(Some)
                .map_err(|stack| FileError::of(&stack)),
            Some(Key::Encrypted(der)) => unlock(trial, true, |ask| {
                PKey::private_key_from_pkcs8_callback(der, ask)
            }),
            Some(Key::Older(block)) => unlock(trial, true, |ask| {
                let mut buffer = Zeroizing::new([0; MAX_PASSPHRASE]);
                let length = ask(buffer.as_mut_slice())?;
                let passphrase = buffer.get(..length).unwrap_or_default();
                PKey::private_key_from_der(&block.decrypt(passphrase)?)
            }),
        }
    }
}

fn certificate(block: &Block) -> Result<X509, FileError> {
    if block.has_header() {
        return Err(FileError::Broken);
    }
    X509::from_der(&block.content).map_err(|stack| FileError::of(&stack))
}

/// The private key in a block; `None` if the block has no key.
fn key(block: Block) -> Result<Option<Key>, FileError> {
    let (is_key, has_header) = (block.label.ends_with(PRIVATE_KEY), block.has_header());
    if block.label == ENCRYPTED {
        let few = (!has_header).then(|| rounds::few(&block.content)).flatten();
        return few
            .map(|key| Some(Key::Encrypted(key)))
            .ok_or(FileError::TooSlow);
    }
    // OpenSSL may read encrypted PKCS#8 under another label too.
    if parsed(pem::encrypted_pkcs8(&block.content))?.is_some() {
        return Err(FileError::TooSlow);
    }
    match (is_key, has_header) {
        (false, _) => Ok(None),
        (true, false) => Ok(Some(Key::Plain(block.content))),
        (true, true) => match block.check_cipher() {
            Ok(()) => Ok(Some(Key::Older(block))),
            Err(stack) => Err(FileError::of(&stack)),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::CString;
    use std::fs;
    use std::path::{Path, PathBuf};
    use std::time::{Duration, Instant};

    use openssl::lib_ctx::LibCtx;

    use super::*;
    use crate::certificate::attempts::Attempts;
    use crate::keyring::hour::Seed;
    use crate::keyring::keyring::Keyring;
    use crate::keyring::random::OpenSslRandom;
    use crate::libcrypto::store;
    use crate::origin::Origin;
    use crate::passphrase::list::PassphraseList;
    use crate::shared_memory::SharedMemory;

    const SECRET: &str = "secret";

    fn vectors() -> Vec<(String, PathBuf)> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/rounds");
        let entries = fs::read_dir(folder).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, path)
            })
            .collect()
    }

    fn passphrases(texts: &[&str]) -> PassphraseList {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
        let texts = texts.iter();
        texts
            .map(|text| keyring.passphrase(text.as_bytes(), Origin::Server).unwrap())
            .collect()
    }

    /// The key of a file, opened with these passphrases.
    fn open(file: &HtaccessFile, texts: &[&str]) -> Result<Option<PKey<Private>>, FileError> {
        file.private_key(PassphraseTrial {
            passphrases: &passphrases(texts),
            attempts: &Attempts::without_bound(),
        })
    }

    /// The key of a file, opened with the passphrase of the vectors.
    fn opened(name: &str, content: &[u8]) -> Result<Option<PKey<Private>>, FileError> {
        let file = if name.ends_with(".der") {
            HtaccessFile::der(content)
        } else {
            HtaccessFile::pem(content)
        };
        open(&file?, &["other", SECRET])
    }

    /// Whether one of OpenSSL's readers opens the file, without the checks of this
    /// crate.
    fn opened_by_openssl(path: &Path, content: &[u8]) -> bool {
        let secret = SECRET.as_bytes();
        if path.extension().is_some_and(|extension| extension == "der") {
            return PKey::private_key_from_pkcs8_passphrase(content, secret).is_ok();
        }
        // The reader of URIs ignores labels.
        let uri = CString::new(format!("file:{}", path.display())).unwrap();
        PKey::private_key_from_pem_passphrase(content, secret).is_ok()
            || store::private_key(&LibCtx::new().unwrap(), &uri, Some(secret)).is_ok()
    }

    /// The vectors have one key in many forms: those that OpenSSL writes, and those
    /// that it reads and other libraries may not. The beginning of a vector's name is
    /// the expected outcome.
    #[test]
    fn opens_what_takes_few_rounds_and_nothing_else() {
        let mut tried = [0; 3];
        for (name, path) in vectors() {
            let content = fs::read(&path).unwrap();
            let start = Instant::now();
            let outcome = opened(&name, &content);
            // A key of 2^31 rounds takes half an hour.
            assert!(start.elapsed() < Duration::from_secs(10), "{name}");
            let kind = match name.split_once('-').unwrap().0 {
                "few" => {
                    assert!(matches!(outcome, Ok(Some(_))), "{name}: {outcome:?}");
                    0
                }
                "opens" => {
                    assert!(opened_by_openssl(&path, &content), "{name}");
                    assert!(outcome.is_err(), "{name}");
                    1
                }
                "many" => {
                    assert!(outcome.is_err(), "{name}");
                    2
                }
                _ => panic!("{name} expects nothing"),
            };
            tried[kind] += 1;
        }
        assert_eq!(tried, [8, 23, 31]);
    }

    #[test]
    fn refuses_a_file_for_any_part_of_it() {
        let few = include_bytes!("../../vectors/rounds/few-pbkdf2.pem").as_slice();
        let many = include_bytes!("../../vectors/rounds/many-pbkdf2.pem").as_slice();
        let certificate = include_bytes!("../../vectors/certificates/p-256.pem").as_slice();
        let error = |parts: &[&[u8]]| HtaccessFile::pem(&parts.concat()).err();
        assert_eq!(error(&[few, certificate, few]), None);
        for parts in [[few, many], [many, few], [certificate, many]] {
            assert_eq!(error(&parts), Some(FileError::TooSlow));
        }
        let begin = b"-----BEGIN ENCRYPTED PRIVATE KEY-----\n".as_slice();
        for rest in [
            b"".as_slice(),
            b"AAAA",
            b"AAAA\n-----END PRIVATE KEY-----\n",
            b"A===\n-----END ENCRYPTED PRIVATE KEY-----\n",
        ] {
            assert_eq!(error(&[few, begin, rest]), Some(FileError::Broken));
        }
        let end = b"-----END ENCRYPTED PRIVATE KEY-----\n".as_slice();
        assert_eq!(error(&[begin, b"MA==\n", end]), Some(FileError::TooSlow));
        // OpenSSL ignores text around the blocks.
        assert_eq!(
            error(&[b"text\n", few, b"-----BEGIN and more text\n"]),
            None
        );
    }

    #[test]
    fn a_cut_key_meets_no_passphrase() {
        let der = include_bytes!("../../vectors/rounds/few-made.der");
        for length in 0..der.len() {
            match HtaccessFile::der(&der[..length]) {
                Err(error) => assert_eq!(error, FileError::TooSlow, "{length}"),
                Ok(file) => assert!(file.key.is_none(), "{length}"),
            }
        }
    }

    #[test]
    fn finds_a_certificate_and_a_key_in_one_file() {
        let both = include_bytes!("../../vectors/certificates/p-256.pem").as_slice();
        let file = HtaccessFile::pem(both).unwrap();
        assert!(file.certificate().is_ok());
        assert!(open(&file, &[]).unwrap().is_some());
        let der = X509::from_pem(both).unwrap().to_der().unwrap();
        let file = HtaccessFile::der(&der).unwrap();
        assert!(file.certificate().is_ok());
        assert!(open(&file, &[]).unwrap().is_none());
        let older = include_bytes!("../../vectors/rounds/few-older.pem");
        for (secrets, expected) in [
            (&[][..], FileError::NoPassphrase),
            (&["x"], FileError::Locked),
        ] {
            let outcome = open(&HtaccessFile::pem(older).unwrap(), secrets);
            assert_eq!(outcome.err(), Some(expected));
        }
    }

    #[test]
    fn refuses_what_openssl_reads_of_a_certificate_with_a_header() {
        let pem = include_str!("../../vectors/certificates/p-256.pem");
        let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----\n").unwrap();
        let headed = format!(
            "-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: \
             AES-128-CBC,00112233445566778899AABBCCDDEEFF\n\n{rest}"
        );
        let error = HtaccessFile::pem(headed.as_bytes()).err();
        assert_eq!(error, Some(FileError::Broken));
    }

    #[test]
    fn passes_over_blocks_that_are_neither_certificate_nor_key() {
        let few = include_bytes!("../../vectors/rounds/few-pbkdf2.pem").as_slice();
        let other = b"-----BEGIN DH PARAMETERS-----\nMAA=\n-----END DH PARAMETERS-----\n";
        let file = HtaccessFile::pem(&[other, few].concat()).unwrap();
        assert!(open(&file, &[SECRET]).unwrap().is_some());
    }

    #[test]
    fn a_passphrase_that_openssl_has_no_room_for_opens_nothing() {
        let long = "x".repeat(MAX_PASSPHRASE + 1);
        for vector in ["few-pbkdf2.pem", "few-older.pem"] {
            let (_, path) = vectors()
                .into_iter()
                .find(|(name, _)| name == vector)
                .unwrap();
            let file = HtaccessFile::pem(&fs::read(path).unwrap()).unwrap();
            assert_eq!(
                open(&file, &[&long]).err(),
                Some(FileError::Locked),
                "{vector}"
            );
            assert!(open(&file, &[&long, SECRET]).unwrap().is_some(), "{vector}");
        }
    }
}
