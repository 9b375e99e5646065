//! Content keys, encrypted to a certificate: RSA-OAEP and ECDH-ES+A256KW (RFC 7518,
//! sections 4.3 and 4.6).

use openssl::bn::BigNum;
use openssl::derive::Deriver;
use openssl::ec::{EcGroup, EcKey};
use openssl::encrypt::{Decrypter, Encrypter};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, PKeyRef, Private, Public};
use openssl::rsa::Padding;
use zeroize::Zeroizing;

use crate::algorithm::digest::Digest;
use crate::algorithm::key_wrap;
use crate::certificate::certificate::{Curve, KeyKind};
use crate::error::LibraryError;
use crate::libcrypto::verdict::{self, Denial, Library};
use crate::libcrypto::{evp, kdf};
use crate::secret::marks;

/// The algorithm that encrypts the content key of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrapping {
    /// RSA-OAEP with SHA-256, or with SHA-1, the only digest of some hardware.
    RsaOaep(Oaep),
    /// ECDH with a key pair of the sender, and AES key wrap.
    EcdhEs(Curve),
}

/// The digest of OAEP and of its mask generation function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oaep {
    Sha1,
    Sha256,
}

/// An encrypted content key. With ECDH-ES, the recipient needs the sender's point too.
pub(crate) struct Wrapped {
    pub(crate) encrypted_key: Vec<u8>,
    pub(crate) point: Option<Point>,
}

/// The sender's public key of ECDH-ES: two coordinates, each as long as the curve's
/// field.
pub(crate) struct Point {
    pub(crate) x: Vec<u8>,
    pub(crate) y: Vec<u8>,
}

/// JWE has no name for RSA-OAEP with this digest.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NoSuchOaep;

impl Wrapping {
    /// The algorithm for a kind of key, under a digest of the configuration.
    pub(crate) fn new(kind: KeyKind, digest: &Digest) -> Result<Self, NoSuchOaep> {
        match kind {
            KeyKind::Ec(curve) => Ok(Self::EcdhEs(curve)),
            KeyKind::Rsa { .. } if digest.is(Nid::SHA256) => Ok(Self::RsaOaep(Oaep::Sha256)),
            KeyKind::Rsa { .. } if digest.is(Nid::SHA1) => Ok(Self::RsaOaep(Oaep::Sha1)),
            KeyKind::Rsa { .. } => Err(NoSuchOaep),
        }
    }

    /// The name of the algorithm: `alg` of the header.
    pub(crate) fn alg(self) -> &'static str {
        match self {
            Self::RsaOaep(Oaep::Sha1) => "RSA-OAEP",
            Self::RsaOaep(Oaep::Sha256) => "RSA-OAEP-256",
            Self::EcdhEs(_) => ECDH_ES,
        }
    }

    /// The bytes of an encrypted content key, from the bytes of the content key.
    pub(crate) fn encrypted_key_length(self, kind: KeyKind, content_key: usize) -> usize {
        match self {
            // It is as long as the modulus, like a signature.
            Self::RsaOaep(_) => kind.signature_length(),
            Self::EcdhEs(_) => content_key.saturating_add(key_wrap::WRAP_OVERHEAD),
        }
    }

    /// Encrypts a content key of 16, 24 or 32 bytes.
    pub(crate) fn wrap(
        self,
        key: &PKeyRef<Public>,
        content_key: &[u8],
    ) -> Result<Wrapped, LibraryError> {
        match self {
            Self::RsaOaep(oaep) => rsa_encrypt(oaep, key, content_key),
            Self::EcdhEs(curve) => ecdh_wrap(curve, key, content_key),
        }
        .map_err(|stack| LibraryError::new("encrypt a content key", &stack))
    }

    /// Decrypts a content key; `None` if the encrypted key contains none.
    ///
    /// # Errors
    ///
    /// OpenSSL or the hardware token with the private key fails. The encrypted key may
    /// be good then.
    pub(crate) fn unwrap(
        self,
        key: &PKeyRef<Private>,
        encrypted_key: &[u8],
        point: Option<&Point>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, LibraryError> {
        match (self, point) {
            (Self::RsaOaep(oaep), None) => rsa_decrypt(oaep, key, encrypted_key),
            (Self::EcdhEs(curve), Some(point)) => ecdh_unwrap(curve, key, encrypted_key, point),
            _ => Ok(None),
        }
        .map_err(|stack| LibraryError::new("decrypt a content key", &stack))
    }
}

const ECDH_ES: &str = "ECDH-ES+A256KW";

/// The bytes of the key that wraps.
const KEK: usize = 32;

impl Oaep {
    fn digest(self) -> MessageDigest {
        match self {
            Self::Sha1 => MessageDigest::sha1(),
            Self::Sha256 => MessageDigest::sha256(),
        }
    }
}

fn rsa_encrypt(oaep: Oaep, key: &PKeyRef<Public>, text: &[u8]) -> Result<Wrapped, ErrorStack> {
    let mut encrypter = Encrypter::new(key)?;
    encrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
    encrypter.set_rsa_oaep_md(oaep.digest())?;
    encrypter.set_rsa_mgf1_md(oaep.digest())?;
    let mut encrypted_key = vec![0; encrypter.encrypt_len(text)?];
    let length = encrypter.encrypt(text, &mut encrypted_key)?;
    encrypted_key.truncate(length);
    marks::reveal(&mut encrypted_key);
    Ok(Wrapped {
        encrypted_key,
        point: None,
    })
}

fn rsa_decrypt(
    oaep: Oaep,
    key: &PKeyRef<Private>,
    encrypted_key: &[u8],
) -> Result<Option<Zeroizing<Vec<u8>>>, ErrorStack> {
    let mut decrypter = Decrypter::new(key)?;
    decrypter.set_rsa_padding(Padding::PKCS1_OAEP)?;
    decrypter.set_rsa_oaep_md(oaep.digest())?;
    decrypter.set_rsa_mgf1_md(oaep.digest())?;
    let mut text = Zeroizing::new(vec![0; decrypter.decrypt_len(encrypted_key)?]);
    // Errors of a hardware token come from other libraries, and prove nothing about the
    // padding.
    let no = Denial::Reason(Library::RSA);
    let length = verdict::judged(no, || decrypter.decrypt(encrypted_key, &mut text))?;
    Ok(length.map(|length| {
        text.truncate(length);
        marks::hide(&mut text);
        text
    }))
}

fn ecdh_wrap(curve: Curve, key: &PKeyRef<Public>, text: &[u8]) -> Result<Wrapped, ErrorStack> {
    let ephemeral = ephemeral_key(curve)?;
    let point = affine(curve, &ephemeral)?;
    let kek = agree(&ephemeral, key)?;
    Ok(Wrapped {
        encrypted_key: key_wrap::wrap(kek.as_slice(), text)?,
        point: Some(point),
    })
}

/// A key pair for one token. Unlike `EcKey::generate`, a provider makes it.
fn ephemeral_key(curve: Curve) -> Result<PKey<Private>, ErrorStack> {
    PKey::ec_gen(curve.name())
}

fn ecdh_unwrap(
    curve: Curve,
    key: &PKeyRef<Private>,
    encrypted_key: &[u8],
    point: &Point,
) -> Result<Option<Zeroizing<Vec<u8>>>, ErrorStack> {
    let Some(ephemeral) = public_key(curve, point)? else {
        return Ok(None);
    };
    let kek = agree(key, &ephemeral)?;
    key_wrap::unwrap(kek.as_slice(), encrypted_key)
}

/// The public key of a point; `None` if the point is not on the curve, or is the point at
/// infinity, which has no coordinates. OpenSSL checks both.
fn public_key(curve: Curve, point: &Point) -> Result<Option<PKey<Public>>, ErrorStack> {
    let group = EcGroup::from_curve_name(curve.nid())?;
    let x = BigNum::from_slice(&point.x)?;
    let y = BigNum::from_slice(&point.y)?;
    let key = verdict::judged(Denial::Reason(Library::EC), || {
        let key = EcKey::from_public_key_affine_coordinates(&group, &x, &y)?;
        key.check_key()?;
        Ok(key)
    })?;
    key.map(PKey::from_ec_key).transpose()
}

fn affine(curve: Curve, key: &PKeyRef<Private>) -> Result<Point, ErrorStack> {
    let length = curve.coordinate();
    let mut octets = vec![0; length.saturating_mul(2).saturating_add(1)];
    evp::encoded_point(key, &mut octets)?;
    let mut coordinates = octets.get(1..).unwrap_or_default().chunks_exact(length);
    let mut next = || coordinates.next().unwrap_or_default().to_vec();
    Ok(Point {
        x: next(),
        y: next(),
    })
}

/// The key that wraps, on which a private key and a public key agree.
fn agree(ours: &PKeyRef<Private>, theirs: &PKeyRef<Public>) -> Result<Kek, ErrorStack> {
    wrapping_key(&shared_secret(ours, theirs)?)
}

/// The key that wraps, derived from the shared secret by one round of Concat KDF,
/// without `apu` and `apv` (RFC 7518, section 4.6.2).
fn wrapping_key(secret: &[u8]) -> Result<Kek, ErrorStack> {
    let mut info = Vec::with_capacity(INFO);
    info.extend(14_u32.to_be_bytes());
    info.extend(ECDH_ES.as_bytes());
    info.extend(0_u32.to_be_bytes());
    info.extend(0_u32.to_be_bytes());
    info.extend(256_u32.to_be_bytes());
    let mut kek = Zeroizing::new([0; KEK]);
    kdf::concat_kdf(secret, &info, kek.as_mut_slice())?;
    Ok(kek)
}

/// Bytes of the text that goes into Concat KDF: the name of the algorithm, and four numbers.
const INFO: usize = 30;

/// The shared secret of ECDH: a coordinate of a point.
pub(crate) fn shared_secret(
    ours: &PKeyRef<Private>,
    theirs: &PKeyRef<Public>,
) -> Result<Zeroizing<Vec<u8>>, ErrorStack> {
    let mut deriver = Deriver::new(ours)?;
    deriver.set_peer(theirs)?;
    let mut secret = Zeroizing::new(deriver.derive_to_vec()?);
    marks::hide(&mut secret);
    Ok(secret)
}

type Kek = Zeroizing<[u8; KEK]>;

const _: () = assert!(ECDH_ES.len() == 14, "the length that `wrapping_key` writes");

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(curve: Curve) -> (PKey<Private>, PKey<Public>) {
        let group = EcGroup::from_curve_name(curve.nid()).unwrap();
        let key = EcKey::generate(&group).unwrap();
        let public = EcKey::from_public_key(&group, key.public_key()).unwrap();
        (
            PKey::from_ec_key(key).unwrap(),
            PKey::from_ec_key(public).unwrap(),
        )
    }

    #[test]
    fn refuses_points_that_are_not_on_the_curve() {
        for curve in [Curve::P256, Curve::P384, Curve::P521] {
            let (private, public) = pair(curve);
            let wrapping = Wrapping::EcdhEs(curve);
            let wrapped = wrapping.wrap(&public, &[7; 32]).unwrap();
            let open = |point: &Point| {
                wrapping
                    .unwrap(&private, &wrapped.encrypted_key, Some(point))
                    .unwrap()
            };
            let point = wrapped.point.as_ref().unwrap();
            assert_eq!(*open(point).unwrap(), [7; 32]);
            let length = curve.coordinate();
            let mut off = point.y.clone();
            off[length - 1] ^= 1;
            for (x, y) in [
                (point.x.clone(), off),
                (point.y.clone(), point.x.clone()),
                (vec![0; length], vec![0; length]),
                (vec![0xff; length], vec![0xff; length]),
                (vec![], vec![]),
            ] {
                assert!(open(&Point { x, y }).is_none(), "{curve:?}");
            }
        }
    }

    /// In a process whose properties no provider has, OpenSSL's library works on alone.
    #[test]
    fn both_keys_of_an_exchange_are_made_by_providers() {
        const CHILD: &str = "SESSION_CRYPTO_WITHOUT_PROVIDERS";
        if std::env::var_os(CHILD).is_some() {
            assert!(ephemeral_key(Curve::P256).is_err());
            assert!(wrapping_key(&[7; 32]).is_err());
            let mut hash = openssl::sha::Sha256::new();
            hash.update(b"abc");
            assert_eq!(hash.finish()[0], 0xba);
            return;
        }
        let name = format!("session-crypto-providers-{}.cnf", std::process::id());
        let file = std::env::temp_dir().join(name);
        let text = "openssl_conf = all\n[all]\nalg_section = algorithms\n\
                    [algorithms]\ndefault_properties = provider=none\n";
        std::fs::write(&file, text).unwrap();
        let this = std::thread::current().name().unwrap().to_owned();
        let child = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &this, "--nocapture"])
            .env(CHILD, "1")
            .env("OPENSSL_CONF", &file)
            .output()
            .unwrap();
        std::fs::remove_file(&file).unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
    }

    #[test]
    fn refuses_a_point_of_another_curve() {
        let (private, _) = pair(Curve::P384);
        let (_, other) = pair(Curve::P256);
        let wrapped = Wrapping::EcdhEs(Curve::P256)
            .wrap(&other, &[7; 32])
            .unwrap();
        let opened = Wrapping::EcdhEs(Curve::P384).unwrap(
            &private,
            &wrapped.encrypted_key,
            wrapped.point.as_ref(),
        );
        assert!(opened.unwrap().is_none());
    }

    #[test]
    fn a_point_belongs_to_a_key_on_a_curve_alone() {
        let (private, public) = pair(Curve::P256);
        let wrapping = Wrapping::EcdhEs(Curve::P256);
        let wrapped = wrapping.wrap(&public, &[7; 32]).unwrap();
        let opened = wrapping.unwrap(&private, &wrapped.encrypted_key, None);
        assert!(opened.unwrap().is_none());
    }
}
