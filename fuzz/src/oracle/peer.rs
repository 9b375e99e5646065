//! Tokens of a peer that has the secrets, made as `docs/wire-format.md` says and with none of
//! the code that is tested.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use openssl::aes::{AesKey, wrap_key};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, EcPoint};
use openssl::hash::{MessageDigest, hash};
use openssl::nid::Nid;
use openssl::pkcs5::pbkdf2_hmac;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use openssl::symm::{Cipher, encrypt_aead};

/// The encryptions of JWE: the name, the bytes of the key, and the cipher.
pub(crate) fn encryptions() -> [(&'static str, usize, Cipher); 3] {
    [
        ("A128GCM", 16, Cipher::aes_128_gcm()),
        ("A192GCM", 24, Cipher::aes_192_gcm()),
        ("A256GCM", 32, Cipher::aes_256_gcm()),
    ]
}

/// The encryption that a header names, or else the longest.
pub(crate) fn encryption_of(header: &[u8]) -> (&'static str, usize, Cipher) {
    let named = |name: &str| {
        header
            .windows(name.len())
            .any(|part| part == name.as_bytes())
    };
    let found = encryptions().into_iter().find(|(name, ..)| named(name));
    found.unwrap_or(encryptions()[2])
}

/// The nonce of every token here. No secret is at stake.
const NONCE: [u8; 12] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/// A token with any header, whose tag is right.
pub(crate) fn token(
    header: &[u8],
    encrypted_key: &[u8],
    (cipher, key): (Cipher, &[u8]),
    session: &[u8],
) -> Vec<u8> {
    let header = url(header);
    let mut tag = [0; 16];
    let aad = header.as_bytes();
    let ciphertext = encrypt_aead(cipher, key, Some(&NONCE), aad, session, &mut tag).unwrap();
    let parts = [
        header,
        url(encrypted_key),
        url(&NONCE),
        url(&ciphertext),
        url(&tag),
    ];
    parts.join(".").into_bytes()
}

pub(crate) fn url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

pub(crate) fn from_url(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

pub(crate) fn base64(bytes: &[u8]) -> Vec<u8> {
    STANDARD.encode(bytes).into_bytes()
}

pub(crate) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The master key of a passphrase.
pub(crate) fn master(passphrase: &[u8]) -> [u8; 32] {
    let mut master = [0; 32];
    let (salt, digest) = (b"mod_session_crypto JWE 1", MessageDigest::sha256());
    pbkdf2_hmac(passphrase, salt, 600_000, digest, &mut master).unwrap();
    master
}

/// HKDF-Expand with SHA-256, of at most 32 bytes (RFC 5869, section 2.3).
pub(crate) fn expand(key: &[u8], info: &[&[u8]], length: usize) -> Vec<u8> {
    let mut block = hmac(key, &[info.concat(), vec![1]].concat());
    block.truncate(length);
    block
}

pub(crate) fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let key = PKey::hmac(key).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    signer.sign_oneshot_to_vec(text).unwrap()
}

pub(crate) fn sha256(text: &[u8]) -> Vec<u8> {
    hash(MessageDigest::sha256(), text).unwrap().to_vec()
}

/// A content key in AES key wrap (RFC 3394).
pub(crate) fn wrap(kek: &[u8], key: &[u8]) -> Vec<u8> {
    let kek = AesKey::new_encrypt(kek).unwrap();
    let mut wrapped = vec![0; key.len() + 8];
    wrap_key(&kek, None, &mut wrapped, key).unwrap();
    wrapped
}

/// The key of P-256 whose private number is 7, and its coordinates, in base64url.
pub(crate) fn key_of_seven() -> (EcKey<Private>, [String; 2]) {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let (mut context, number) = (BigNumContext::new().unwrap(), BigNum::from_u32(7).unwrap());
    let mut point = EcPoint::new(&group).unwrap();
    point.mul_generator2(&group, &number, &mut context).unwrap();
    let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
    let coordinates = point.affine_coordinates(&group, &mut x, &mut y, &mut context);
    coordinates.unwrap();
    let key = EcKey::from_private_components(&group, &number, &point).unwrap();
    (
        key,
        [x, y].map(|number| url(&number.to_vec_padded(32).unwrap())),
    )
}

/// The key that both ends of ECDH-ES+A256KW derive (RFC 7518, section 4.6.2).
pub(crate) fn concat_kdf(shared: &[u8]) -> Vec<u8> {
    let alg = b"ECDH-ES+A256KW";
    let length = u32::try_from(alg.len()).unwrap().to_be_bytes();
    let empty = 0_u32.to_be_bytes();
    let bits = 256_u32.to_be_bytes();
    let round = 1_u32.to_be_bytes();
    sha256(&[&round, shared, &length, alg, &empty, &empty, &bits].concat())
}
