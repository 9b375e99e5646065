//! A text that somebody with the passphrase encrypts in the classic format, with whatever is
//! in the place of the padding.
//!
//! The token opens if the padding is that of PKCS #7 and the session has no NUL byte, and for
//! no other text. A token that is sealed here is decrypted by another implementation.

use std::hash::Hasher;
use std::sync::{LazyLock, Mutex};

use openssl::hash::{MessageDigest, hash};
use openssl::pkcs5::pbkdf2_hmac;
use openssl::symm::{Cipher, Crypter, Mode};
use siphasher::sip::SipHasher24;

use crate::oracle::peer;
use crate::oracle::section::Section;

const PASSPHRASE: &[u8] = b"secret";
const BLOCK: usize = 16;
const MAC: usize = 8;
const SALT: [u8; 16] = [7; 16];
const IV: [u8; BLOCK] = [9; BLOCK];

/// The section, and the key of the salt that the peer takes.
static SECTION: LazyLock<(Section, [u8; 32])> = LazyLock::new(|| {
    let section = Section::with_passphrases(&[PASSPHRASE], &["aes256"]);
    let key = key(&SALT);
    // A session that says something has its key kept.
    let first = token(&key, &padded(b"user=joe&role=admin&more=things"));
    section.open(&first).unwrap();
    (section, key)
});

/// The key of the salt that tokens have which are sealed here: one hour has one.
static KEPT: Mutex<SaltKey> = Mutex::new(SaltKey {
    salt: Vec::new(),
    key: [0; 32],
});

struct SaltKey {
    salt: Vec<u8>,
    key: [u8; 32],
}

/// Encrypts the text as a peer, and opens the token.
pub fn run(text: &[u8]) {
    let (section, key) = &*SECTION;
    let blocks = text.len() / BLOCK * BLOCK;
    let text = &text[..blocks.max(BLOCK).min(text.len())];
    if text.len() < BLOCK {
        return;
    }
    let opened = section.open(&token(key, text)).ok();
    assert_eq!(opened.as_deref(), unpadded(text));
    if !text.contains(&0) {
        assert_eq!(decrypted(&section.seal(text)), padded(text));
    }
}

/// Whole blocks with each length of padding, and wrong ones.
pub fn seeds() -> Vec<Vec<u8>> {
    let session = b"user=joe&role=admin&expiry=1800000000000000";
    let good = (0..=17).map(|length| padded(&session[..length]));
    let bad = [[0; 16], [1; 16], [16; 16], [17; 16], [255; 16]];
    let bad = bad.into_iter().map(|last| [&session[..16], &last].concat());
    good.chain(bad).collect()
}

/// The session, if the padding is right (RFC 5652, section 6.3).
fn unpadded(text: &[u8]) -> Option<&[u8]> {
    let count = usize::from(*text.last()?);
    let (session, padding) = text.split_at(text.len().checked_sub(count)?);
    let is_right = (1..=BLOCK).contains(&count)
        && padding.iter().all(|byte| usize::from(*byte) == count)
        && !session.contains(&0);
    is_right.then_some(session)
}

fn padded(session: &[u8]) -> Vec<u8> {
    let count = BLOCK - session.len() % BLOCK;
    let padding = vec![u8::try_from(count).unwrap(); count];
    [session, &padding].concat()
}

fn key(salt: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    pbkdf2_hmac(PASSPHRASE, salt, 4096, MessageDigest::sha1(), &mut key).unwrap();
    key
}

/// A token around whole blocks.
fn token(key: &[u8; 32], text: &[u8]) -> Vec<u8> {
    let encrypted = cbc(Mode::Encrypt, key, &IV, text);
    let body = [&SALT[..], &IV, &encrypted].concat();
    peer::base64(&[&mac(&body)[..], &body].concat())
}

/// The padded session of a token, whose MAC is right.
fn decrypted(token: &[u8]) -> Vec<u8> {
    let bytes = peer::from_base64(token).unwrap();
    let (found, body) = bytes.split_at(MAC);
    assert_eq!(found, mac(body));
    let (salt, body) = body.split_at(SALT.len());
    let (iv, body) = body.split_at(BLOCK);
    let mut kept = KEPT.lock().unwrap();
    if kept.salt != salt {
        *kept = SaltKey {
            salt: salt.to_vec(),
            key: key(salt),
        };
    }
    cbc(Mode::Decrypt, &kept.key, iv, body)
}

fn cbc(mode: Mode, key: &[u8; 32], iv: &[u8], text: &[u8]) -> Vec<u8> {
    let mut crypter = Crypter::new(Cipher::aes_256_cbc(), mode, key, Some(iv)).unwrap();
    crypter.pad(false);
    let mut output = vec![0; text.len() + BLOCK];
    let count = crypter.update(text, &mut output).unwrap();
    output.truncate(count);
    output
}

/// SipHash-2-4, keyed by MD5 of the passphrase.
fn mac(body: &[u8]) -> [u8; MAC] {
    let key = hash(MessageDigest::md5(), PASSPHRASE).unwrap();
    let mut hasher = SipHasher24::new_with_key(key.as_ref().try_into().unwrap());
    hasher.write(body);
    hasher.finish().to_le_bytes()
}
