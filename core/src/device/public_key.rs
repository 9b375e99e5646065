//! The public key of a device, and its thumbprint.

use std::fmt;

use base64_simd::{Out, URL_SAFE_NO_PAD};
use openssl::sha::Sha256;

use crate::life::entry::{DeviceId, NAME};

/// The public key of a device: P-256, or RSA with the exponent 65537.
///
/// Whether a point is on its curve shows when a signature is verified, because that costs
/// more than to read the key.
#[derive(Clone, PartialEq, Eq)]
pub struct DeviceKey(pub(super) KeyNumbers);

/// The numbers of a key, big-endian.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum KeyNumbers {
    P256 {
        x: [u8; COORDINATE],
        y: [u8; COORDINATE],
    },
    /// The modulus has no leading zeros.
    Rsa { modulus: Vec<u8> },
}

/// Bytes of a coordinate on P-256.
pub(super) const COORDINATE: usize = 32;

/// Fewest and most bits of an RSA modulus.
const MODULUS_BITS: std::ops::RangeInclusive<u32> = 2048..=4096;

/// Most bytes of an RSA modulus.
pub(super) const MAX_MODULUS: usize = 512;

/// The public exponent of every RSA key here, as JWK has it: 65537.
pub(super) const EXPONENT: &str = "AQAB";

/// The algorithm of a key's signatures (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProofAlgorithm {
    Es256,
    Rs256,
}

/// The SHA-256 thumbprint of a key (RFC 7638). Its text is the session identifier of the
/// protocol, so each registration has another one, and it checks itself.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyThumbprint([u8; THUMBPRINT]);

/// Bytes of a thumbprint.
const THUMBPRINT: usize = 32;

/// Characters of a thumbprint, in base64url.
const THUMBPRINT_TEXT: usize = 43;

impl DeviceKey {
    pub(super) fn p256(x: [u8; COORDINATE], y: [u8; COORDINATE]) -> Self {
        Self(KeyNumbers::P256 { x, y })
    }

    /// Takes a modulus of 2048 to 4096 bits, odd and without leading zeros; `None` for any
    /// other.
    pub(super) fn rsa(modulus: Vec<u8>) -> Option<Self> {
        let (first, last) = (modulus.first()?, modulus.last()?);
        let bytes = u32::try_from(modulus.len()).ok()?;
        let bits = bytes.checked_mul(8)?.checked_sub(first.leading_zeros())?;
        let is_good = *first != 0 && last % 2 == 1 && MODULUS_BITS.contains(&bits);
        is_good.then_some(Self(KeyNumbers::Rsa { modulus }))
    }

    /// The one algorithm of the key's signatures.
    pub(super) fn algorithm(&self) -> ProofAlgorithm {
        match self.0 {
            KeyNumbers::P256 { .. } => ProofAlgorithm::Es256,
            KeyNumbers::Rsa { .. } => ProofAlgorithm::Rs256,
        }
    }

    /// The thumbprint of the key.
    pub fn thumbprint(&self) -> KeyThumbprint {
        let encode = |number: &[u8]| URL_SAFE_NO_PAD.encode_to_string(number);
        let json = match &self.0 {
            KeyNumbers::P256 { x, y } => format!(
                r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#,
                encode(x),
                encode(y)
            ),
            KeyNumbers::Rsa { modulus } => {
                format!(
                    r#"{{"e":"{EXPONENT}","kty":"RSA","n":"{}"}}"#,
                    encode(modulus)
                )
            }
        };
        let mut hash = Sha256::new();
        hash.update(json.as_bytes());
        KeyThumbprint(hash.finish())
    }

    /// The id of the device that has the key.
    pub fn device(&self) -> DeviceId {
        self.thumbprint().device()
    }
}

/// Its thumbprint: the numbers are long.
impl fmt::Debug for DeviceKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "DeviceKey({})", self.thumbprint())
    }
}

impl KeyThumbprint {
    /// Reads the text of a thumbprint; `None` if there is another spelling of it, or none.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; THUMBPRINT_TEXT] = text.try_into().ok()?;
        let mut thumbprint = [0; THUMBPRINT];
        URL_SAFE_NO_PAD
            .decode(text, Out::from_slice(&mut thumbprint))
            .ok()?;
        Some(Self(thumbprint))
    }

    /// The id of the device that has the key: the first half.
    pub fn device(self) -> DeviceId {
        let mut id = [0; NAME];
        for (byte, of_thumbprint) in id.iter_mut().zip(self.0) {
            *byte = of_thumbprint;
        }
        DeviceId(id)
    }
}

/// 43 characters of base64url.
impl fmt::Display for KeyThumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode_to_string(self.0))
    }
}

impl fmt::Debug for KeyThumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7638, section 3.1: an RSA key of 2048 bits.
    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn has_the_thumbprint_of_rfc_7638() {
        let key = DeviceKey::rsa(URL_SAFE_NO_PAD.decode_to_vec(N).unwrap()).unwrap();
        let text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        assert_eq!(key.thumbprint().to_string(), text);
        assert_eq!(
            KeyThumbprint::parse(text.as_bytes()),
            Some(key.thumbprint())
        );
        assert_eq!(format!("{key:?}"), format!("DeviceKey({text})"));
    }

    /// RFC 8037 has none for P-256; this is the key of RFC 7515, appendix A.3, whose
    /// thumbprint was computed by jwcrypto.
    #[test]
    fn has_the_thumbprint_of_another_library() {
        let number = |text: &str| -> [u8; 32] {
            let bytes = URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
            bytes.try_into().unwrap()
        };
        let key = DeviceKey::p256(
            number("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
            number("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
        );
        assert_eq!(
            key.thumbprint().to_string(),
            "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
        );
        let DeviceId(id) = key.device();
        assert_eq!(
            URL_SAFE_NO_PAD.encode_to_string(id),
            "oKIywvGUpTVTyxMQ3bwIIQ"
        );
    }

    #[test]
    fn a_thumbprint_has_one_text() {
        let text = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
        for wrong in [
            "",
            &text[1..],
            &format!("{text}="),
            &format!("{text}A"),
            &format!(" {}", &text[1..]),
            &text.replace('-', "+"),
            // Bits that no byte has.
            &format!("{}t", &text[..42]),
        ] {
            assert_eq!(KeyThumbprint::parse(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn takes_moduli_of_2048_to_4096_bits() {
        let modulus = |bits: usize, last: u8| {
            let mut bytes = vec![0; bits.div_ceil(8)];
            bytes[0] = 1 << ((bits - 1) % 8);
            *bytes.last_mut().unwrap() |= last;
            bytes
        };
        for bits in [2048, 2049, 2056, 3072, 4095, 4096] {
            assert!(DeviceKey::rsa(modulus(bits, 1)).is_some(), "{bits}");
            assert!(DeviceKey::rsa(modulus(bits, 2)).is_none(), "{bits}, even");
        }
        for bits in [8, 1024, 2047, 4097, 8192] {
            assert!(DeviceKey::rsa(modulus(bits, 1)).is_none(), "{bits}");
        }
        let mut padded = vec![0];
        padded.extend(modulus(2048, 1));
        assert!(DeviceKey::rsa(padded).is_none());
        assert!(DeviceKey::rsa(Vec::new()).is_none());
    }
}
