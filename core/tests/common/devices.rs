//! Devices, which prove their keys as browsers do.

use base64_simd::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{Id, PKey, Private};
use openssl::sign::Signer;
use session_crypto_core::DeviceKey;

use super::certificate;

/// A device with its private key.
pub(crate) struct Device(PKey<Private>);

/// The alphabet of base64url.
pub(crate) const BASE64URL: &[u8] =
    b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl Device {
    /// A device with a new key on a curve.
    pub(crate) fn on(curve: Nid) -> Self {
        let group = EcGroup::from_curve_name(curve).unwrap();
        Self(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap())
    }

    /// A device as most browsers make it.
    pub(crate) fn p256() -> Self {
        Self::on(Nid::X9_62_PRIME256V1)
    }

    /// A device with an RSA key of `core/vectors`.
    pub(crate) fn rsa() -> Self {
        let pem = std::fs::read(certificate("rsa-2048")).unwrap();
        Self(PKey::private_key_from_pem(&pem).unwrap())
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        if self.0.id() == Id::RSA {
            "RS256"
        } else {
            "ES256"
        }
    }

    /// The public key, with its members in the order of Chromium.
    pub(crate) fn jwk(&self) -> String {
        let encode = |number: &BigNum, length| {
            let bytes = number.to_vec_padded(length).unwrap();
            URL_SAFE_NO_PAD.encode_to_string(bytes)
        };
        if let Ok(rsa) = self.0.rsa() {
            let n = URL_SAFE_NO_PAD.encode_to_string(rsa.n().to_vec());
            return format!(r#"{{"e":"AQAB","kty":"RSA","n":"{n}"}}"#);
        }
        let key = self.0.ec_key().unwrap();
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        key.public_key()
            .affine_coordinates(key.group(), &mut x, &mut y, &mut context)
            .unwrap();
        let (x, y) = (encode(&x, 32), encode(&y, 32));
        format!(r#"{{"crv":"P-256","kty":"EC","x":"{x}","y":"{y}"}}"#)
    }

    pub(crate) fn key(&self) -> DeviceKey {
        DeviceKey::from_jwk(self.jwk().as_bytes()).unwrap()
    }

    /// The proof that registers the key, as Chromium writes it.
    pub(crate) fn registration(&self, challenge: &str) -> String {
        let (algorithm, jwk) = (self.algorithm(), self.jwk());
        let header = format!(r#"{{"alg":"{algorithm}","jwk":{jwk},"typ":"dbsc+jwt"}}"#);
        self.proof(&header, &payload(challenge))
    }

    /// The proof of a refresh, as Chromium writes it.
    pub(crate) fn refresh(&self, challenge: &str) -> String {
        let algorithm = self.algorithm();
        let header = format!(r#"{{"alg":"{algorithm}","typ":"dbsc+jwt"}}"#);
        self.proof(&header, &payload(challenge))
    }

    /// A JWT with any header and payload.
    pub(crate) fn proof(&self, header: &str, payload: &str) -> String {
        let signed = unsigned(header, payload);
        let signature = URL_SAFE_NO_PAD.encode_to_string(self.sign(signed.as_bytes()));
        format!("{signed}.{signature}")
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.0).unwrap();
        let signature = signer.sign_oneshot_to_vec(text).unwrap();
        if self.0.id() == Id::RSA {
            return signature;
        }
        let signature = EcdsaSig::from_der(&signature).unwrap();
        let mut both = signature.r().to_vec_padded(32).unwrap();
        both.extend(signature.s().to_vec_padded(32).unwrap());
        both
    }
}

pub(crate) fn payload(challenge: &str) -> String {
    format!(r#"{{"jti":"{challenge}"}}"#)
}

/// Header and payload of a JWT, without its signature.
pub(crate) fn unsigned(header: &str, payload: &str) -> String {
    let encode = |text: &str| URL_SAFE_NO_PAD.encode_to_string(text);
    format!("{}.{}", encode(header), encode(payload))
}
