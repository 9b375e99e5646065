//! The test that every vector of `core/vectors` has the outcome that its file states.
//!
//! A vector is a file of `name: value` lines: a token, or the id of a user. A token that opens is also sealed again,
//! with the random bytes that it was made with, and the result is the same text. Tokens
//! with a certificate are an exception: OpenSSL draws the random bytes of RSA-OAEP,
//! RSASSA-PSS and ECDSA itself.

use std::collections::HashMap;
use std::fs;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64_simd::{STANDARD, URL_SAFE_NO_PAD};

use crate::algorithm::cipher::{Cipher, Format};
use crate::algorithm::derivation::{ClassicKey, KEY_LENGTH};
use crate::algorithm::digest::Digest;
use crate::arena::HeapArena;
use crate::certificate::attempts::During;
use crate::certificate::identity::Identities;
use crate::certificate::pairing::Pairs;
use crate::classic::cbc::CbcContext;
use crate::classic::token::{self, SealInput};
use crate::error::{LibraryError, OpenError, Refusal};
use crate::key_set::key_set::KeySet;
use crate::keyring::contexts::ContextPool;
use crate::keyring::hour::Seed;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::{OpenSslRandom, Random};
use crate::origin::Origin;
use crate::passphrase::classic_keys::ClassicKeyId;
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::purpose::Purpose;
use crate::sealer::call::Now;
use crate::sealer::sealer::Sealer;
use crate::sealer::settings::{Secrets, Settings};
use crate::sealer::users::UserEntry;
use crate::shared_memory::SharedMemory;

struct Vector {
    name: String,
    fields: HashMap<String, String>,
}

impl Vector {
    fn text(&self, field: &str) -> &str {
        self.fields
            .get(field)
            .unwrap_or_else(|| panic!("{}: no {field}", self.name))
    }

    fn purpose(&self) -> Option<Purpose> {
        let text = self.fields.get("purpose")?;
        Some(Purpose::new(text).unwrap())
    }

    /// Fails unless the file states this variant of `Refusal`.
    fn assert_refusal(&self, refusal: Refusal) {
        assert_eq!(
            format!("{refusal:?}"),
            self.text("refusal"),
            "{}",
            self.name
        );
    }

    fn bytes(&self, field: &str) -> Vec<u8> {
        let hex = self.text(field);
        let pairs = hex.as_bytes().chunks(2);
        pairs
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }
}

/// The vectors of a folder, which has `least` or more.
fn vectors(format: &str, least: usize) -> Vec<Vector> {
    let folder = folder(format);
    let mut vectors: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let fields = fs::read_to_string(&path)
                .unwrap()
                .lines()
                .filter_map(|line| line.split_once(": "))
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            Vector {
                name: path.file_name().unwrap().to_string_lossy().into_owned(),
                fields,
            }
        })
        .collect();
    vectors.sort_by(|one, other| one.name.cmp(&other.name));
    assert!(vectors.len() >= least, "vectors of {format} are missing");
    vectors
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors")
        .join(name)
}

const NOW: Now = Now {
    seconds: 0,
    processor: 0,
};

#[test]
fn classic_vectors_have_the_outcome_that_they_state() {
    for vector in vectors("classic", 19) {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
        let passphrase = keyring
            .passphrase(&vector.bytes("passphrase"), Origin::Server)
            .unwrap();
        let cipher = keyring.cipher(None, vector.text("cipher")).unwrap();
        let digest = keyring.digest(None, vector.text("digest")).unwrap();
        let ciphers = [cipher];
        let passphrases: PassphraseList = [passphrase.clone()].into_iter().collect();
        let settings = Settings {
            digest: Some(&digest),
            ..Settings::new(Secrets::Passphrases(&passphrases), &ciphers)
        };
        let sealer = Sealer::new(&keyring, settings);
        let token = vector.text("token");
        match (
            vector.text("outcome"),
            sealer.open(token.as_bytes(), NOW, &HeapArena),
        ) {
            ("opens", Ok(opened)) => {
                let session = vector.bytes("plaintext");
                assert_eq!(opened.session.to_bytes(), session, "{}", vector.name);
                assert!(!opened.stale, "{}", vector.name);
                let sealed = seal_again(&session, token, &passphrase, &ciphers[0], &digest);
                assert_eq!(sealed, token, "{}", vector.name);
            }
            ("refused", Err(OpenError::Refused(refusal))) => vector.assert_refusal(refusal),
            (expected, Ok(_)) => panic!("{}: expected {expected}, it opens", vector.name),
            (expected, Err(error)) => panic!("{}: expected {expected}: {error}", vector.name),
        }
    }
}

/// Seals with the salt and the IV of an existing token.
fn seal_again(
    session: &[u8],
    token: &str,
    passphrase: &Passphrase,
    cipher: &Cipher,
    digest: &Digest,
) -> String {
    let raw = STANDARD.decode_to_vec(token).unwrap();
    let salt: [u8; 16] = raw[8..24].try_into().unwrap();
    let iv: [u8; 16] = raw[24..40].try_into().unwrap();
    let id = ClassicKeyId {
        passphrase: passphrase.id(),
        digest: digest.id(),
        length: KEY_LENGTH,
        salt,
    };
    let key = ClassicKey::derive(passphrase.secret(), digest, &salt, KEY_LENGTH).unwrap();
    let pool = ContextPool::new(OpenSslRandom);
    pool.set_up();
    pool.with(0, |contexts| {
        // The IV is the encrypted nonce.
        let Format::Classic { block_size } = cipher.format() else {
            panic!("no CBC")
        };
        let bytes = key.prefix(cipher.key_length());
        let mut nonce = [MaybeUninit::uninit(); 64];
        contexts
            .classic_opening
            .set_key(&id, cipher, block_size, bytes)?;
        let iv = &iv[..block_size.get()];
        let decrypted = contexts.classic_opening.decrypt(iv, &mut nonce)?;
        let mut nonce = [0; 16];
        nonce[..decrypted.len()].copy_from_slice(decrypted);
        let context = &mut contexts.classic_sealing;
        context.set_key(&id, cipher, block_size, bytes)?;
        let scratch = &mut contexts.scratch;
        let input = SealInput {
            passphrase,
            block_size,
            salt,
            nonce,
        };
        let seal = |context: &mut CbcContext, scratch: &mut Vec<u8>| {
            token::seal(context, session, &input, scratch, &HeapArena)
        };
        let token = seal(context, scratch)?;
        let again = seal(context, scratch)?;
        assert_eq!(token, again, "the context keeps no state between seals");
        Ok(token.to_str().unwrap().to_owned())
    })
    .map_err(|error: LibraryError| error)
    .unwrap()
}

/// A source of random bytes that returns the nonce of an existing token.
#[derive(Clone)]
struct Replay(Vec<u8>);

impl Random for Replay {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
        bytes[..self.0.len()].copy_from_slice(&self.0);
        Ok(())
    }
}

#[test]
fn jwe_vectors_have_the_outcome_that_they_state() {
    // All vectors share a keyring, so a master key is derived once for each passphrase:
    // a derivation takes a tenth of a second.
    let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
    for vector in vectors("jwe", 19) {
        let token = vector.text("token");
        let passphrase = keyring
            .passphrase(&vector.bytes("passphrase"), Origin::Server)
            .unwrap();
        let passphrases = [passphrase].into_iter().collect();
        let ciphers = [keyring.cipher(None, vector.text("cipher")).unwrap()];
        let digest = keyring.digest(None, vector.text("digest")).unwrap();
        let purpose = vector.purpose();
        let settings = Settings {
            digest: Some(&digest),
            purpose: purpose.as_ref(),
            ..Settings::new(Secrets::Passphrases(&passphrases), &ciphers)
        };
        let now = Now {
            seconds: vector.text("time").parse().unwrap(),
            processor: 0,
        };
        let opened = Sealer::new(&keyring, settings).open(token.as_bytes(), now, &HeapArena);
        match (vector.text("outcome"), opened) {
            ("opens", Ok(opened)) => {
                let session = vector.bytes("plaintext");
                assert_eq!(opened.session.to_bytes(), session, "{}", vector.name);
                assert!(!opened.stale, "{}", vector.name);
                // The same keyring, but its next nonce is the token's.
                let nonce = token.split('.').nth(2).unwrap();
                let nonce = Replay(URL_SAFE_NO_PAD.decode_to_vec(nonce).unwrap());
                let replaying = keyring.with_random(nonce);
                let sealed = Sealer::new(&replaying, settings).seal(&session, now, &HeapArena);
                assert_eq!(
                    sealed.unwrap().token.to_str().unwrap(),
                    token,
                    "{}",
                    vector.name
                );
            }
            ("refused", Err(OpenError::Refused(refusal))) => vector.assert_refusal(refusal),
            (expected, Ok(_)) => panic!("{}: expected {expected}, it opens", vector.name),
            (expected, Err(error)) => panic!("{}: expected {expected}: {error}", vector.name),
        }
    }
}

#[test]
fn vectors_with_a_certificate_have_the_outcome_that_they_state() {
    let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
    for vector in vectors("jwe-certificate", 19) {
        let identities = identities(&keyring, vector.text("certificate"));
        let ciphers = [keyring.cipher(None, vector.text("cipher")).unwrap()];
        let digest = keyring.digest(None, vector.text("digest")).unwrap();
        let purpose = vector.purpose();
        let settings = Settings {
            digest: Some(&digest),
            purpose: purpose.as_ref(),
            ..Settings::new(Secrets::Certificates(&identities), &ciphers)
        };
        let token = vector.text("token").as_bytes();
        let opened = Sealer::new(&keyring, settings).open(token, NOW, &HeapArena);
        match (vector.text("outcome"), opened) {
            ("opens", Ok(opened)) => {
                let session = vector.bytes("plaintext");
                assert_eq!(opened.session.to_bytes(), session, "{}", vector.name);
                assert!(!opened.stale, "{}", vector.name);
            }
            ("refused", Err(OpenError::Refused(refusal))) => vector.assert_refusal(refusal),
            (expected, Ok(_)) => panic!("{}: expected {expected}, it opens", vector.name),
            (expected, Err(error)) => panic!("{}: expected {expected}: {error}", vector.name),
        }
    }
}

#[test]
fn vectors_under_a_key_set_have_the_outcome_that_they_state() {
    let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
    let mut sealed_again = 0;
    for vector in vectors("jwe-key-set", 90) {
        let keys = KeySet::parse(vector.text("keys").as_bytes()).unwrap();
        let ciphers = [keyring.cipher(None, vector.text("cipher")).unwrap()];
        let purpose = vector.purpose();
        let secrets = Secrets::KeySet {
            keys: &keys,
            passphrases: None,
        };
        let settings = Settings {
            purpose: purpose.as_ref(),
            ..Settings::new(secrets, &ciphers)
        };
        let now = Now {
            seconds: vector.text("time").parse().unwrap(),
            processor: 0,
        };
        let token = vector.text("token");
        let opened = Sealer::new(&keyring, settings).open(token.as_bytes(), now, &HeapArena);
        match (vector.text("outcome"), opened) {
            ("opens", Ok(opened)) => {
                let session = vector.bytes("plaintext");
                assert_eq!(opened.session.to_bytes(), session, "{}", vector.name);
                assert!(!opened.stale, "{}", vector.name);
                // The same key, but the next random bytes are those of the token.
                let parts: Vec<&str> = token.split('.').collect();
                let [encrypted_key, nonce] =
                    [parts[1], parts[2]].map(|part| URL_SAFE_NO_PAD.decode_to_vec(part).unwrap());
                let key = keys.keys().next().unwrap();
                let mut random = key.unwrap(&encrypted_key).unwrap().unwrap().to_vec();
                random.resize(32, 0);
                let replaying = keyring.with_random(Replay([random, nonce].concat()));
                let sealed = Sealer::new(&replaying, settings).seal(&session, now, &HeapArena);
                let sealed = sealed.unwrap().token.to_str().unwrap().to_owned();
                // Other libraries write the members of the header in another order.
                if sealed.split('.').next() == Some(parts[0]) {
                    assert_eq!(sealed, token, "{}", vector.name);
                    sealed_again += 1;
                }
                assert_eq!(sealed.split('.').nth(1), Some(parts[1]), "{}", vector.name);
            }
            ("refused", Err(OpenError::Refused(refusal))) => vector.assert_refusal(refusal),
            (expected, Ok(_)) => panic!("{}: expected {expected}, it opens", vector.name),
            (expected, Err(error)) => panic!("{}: expected {expected}: {error}", vector.name),
        }
    }
    assert!(sealed_again >= 20, "{sealed_again} tokens with our header");
}

/// The ids do not depend on the order of calls, on the process, or on the ciphers.
#[test]
fn users_have_the_ids_of_the_vectors() {
    let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
    for vector in vectors("users", 22) {
        let digest = keyring.digest(None, vector.text("digest")).unwrap();
        let (purpose, value) = (vector.purpose(), vector.bytes("value"));
        let user = UserEntry {
            name: vector.text("entry").as_bytes(),
            value: &value,
        };
        let gcm = [keyring.cipher(None, "aes-256-gcm").unwrap()];
        let (passphrases, found, keys);
        let secrets = match (vector.fields.get("certificate"), vector.fields.get("keys")) {
            (Some(name), _) => {
                found = identities(&keyring, name);
                Secrets::Certificates(&found)
            }
            (None, Some(text)) => {
                keys = KeySet::parse(text.as_bytes()).unwrap();
                Secrets::KeySet {
                    keys: &keys,
                    passphrases: None,
                }
            }
            (None, None) => {
                let bytes = vector.bytes("passphrase");
                let passphrase = keyring.passphrase(&bytes, Origin::Server).unwrap();
                passphrases = [passphrase].into_iter().collect();
                Secrets::Passphrases(&passphrases)
            }
        };
        let settings = Settings {
            digest: Some(&digest),
            purpose: purpose.as_ref(),
            ..Settings::new(secrets, &gcm)
        };
        keyring.prepare_user_ids(settings).unwrap();
        for job in keyring.jobs(NOW.seconds, NonZeroUsize::MIN).open {
            job.derive().unwrap();
        }
        let sealer = Sealer::new(&keyring, settings);
        let ids = sealer.user_ids(user, NOW).unwrap();
        assert_eq!(ids, [vector.bytes("id").as_slice()], "{}", vector.name);
    }
}

/// The path of a file with a private key and its certificate.
pub(crate) fn certificate(name: &str) -> PathBuf {
    folder("certificates").join(format!("{name}.pem"))
}

/// The identity in the file of that name.
pub(crate) fn identities(keyring: &Keyring, name: &str) -> Arc<Identities> {
    let pairs = Pairs {
        certificates: &[keyring.file(&certificate(name), Origin::Server).unwrap()],
        keys: &[],
        passphrases: &PassphraseList::default(),
        engine: None,
        origin: Origin::Server,
        payer: crate::passphrase::allowance::Payer::default(),
    };
    keyring.identities(pairs, During::Startup).unwrap()
}
