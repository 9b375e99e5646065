//! A certificate with its private key, and the operations of the two.

use std::fmt;
use std::sync::{Arc, OnceLock};

use openssl::pkey::{PKeyRef, Private};
use zeroize::Zeroizing;

use crate::algorithm::derivation::user_key_from_private_key;
use crate::algorithm::digest::Digest;
use crate::algorithm::user_key::UserKey;
use crate::cache::envelopes::Envelopes;
use crate::certificate::certificate::{Certificate, THUMBPRINT, Validity};
use crate::certificate::private_key::PrivateKey;
use crate::certificate::signature;
use crate::certificate::user_secret;
use crate::certificate::wrapping::{NoSuchOaep, Point, Wrapping};
use crate::counters::counters::Counters;
use crate::counters::event::Event;
use crate::counters::key::KeyCounter;
use crate::error::LibraryError;
use crate::origin::Origin;

/// The certificates of a section, each with its private key: the first seals, and all
/// open.
#[derive(Debug)]
pub struct Identities(Vec<Arc<Identity>>);

/// A certificate and its private key.
pub(crate) struct Identity {
    id: u64,
    pub(crate) certificate: Certificate,
    key: PrivateKey,
    /// Counts what the private key does.
    counters: Counters,
    /// The counter of the key.
    pub(crate) counter: KeyCounter,
    /// The origin of the certificate and its key: `.htaccess` if it names one of them.
    pub(crate) origin: Origin,
    /// The content keys that were encrypted to the certificate, and signed, in this hour or
    /// the last. A signature by the private key is slow.
    pub(crate) envelopes: Envelopes<Wrapping>,
    /// The key of ids of users, once it is asked for.
    user_key: OnceLock<UserKey>,
}

impl Identities {
    pub(crate) fn new(identities: Vec<Arc<Identity>>) -> Self {
        Self(identities)
    }

    pub(crate) fn first(&self) -> Option<&Arc<Identity>> {
        self.0.first()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Identity>> {
        self.0.iter()
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// The `alg` values (RFC 7518, section 4.1) of the certificates under a digest, each
    /// once.
    pub(crate) fn algs(&self, digest: &Digest) -> Vec<&'static str> {
        let mut algs = Vec::new();
        for identity in &self.0 {
            if let Ok(wrapping) = identity.wrapping(digest) {
                if !algs.contains(&wrapping.alg()) {
                    algs.push(wrapping.alg());
                }
            }
        }
        algs
    }

    /// The position in the list of the identity with an id.
    pub(crate) fn position(&self, id: u64) -> Option<usize> {
        self.0.iter().position(|identity| identity.id == id)
    }

    pub(crate) fn by_thumbprint(&self, thumbprint: &[u8; THUMBPRINT]) -> Option<&Arc<Identity>> {
        let mut entries = self.0.iter();
        entries.find(|identity| identity.certificate.thumbprint == *thumbprint)
    }

    /// Compares the dates of the certificate that seals with a time in Unix seconds.
    pub fn validity(&self, now: u64) -> Validity {
        self.first().map_or(Validity::Valid, |identity| {
            identity.certificate.validity(now)
        })
    }

    /// Whether tokens can be made under this digest. With RSA, JWE has names for SHA-256
    /// and SHA-1 only.
    pub fn can_use(&self, digest: &Digest) -> bool {
        self.0
            .iter()
            .all(|identity| identity.wrapping(digest).is_ok())
    }
}

impl Identity {
    /// Joins a certificate and its private key. `id` is unique in the keyring.
    pub(crate) fn new(
        id: u64,
        (certificate, key): (Certificate, PrivateKey),
        origin: Origin,
        (counters, counter): (Counters, KeyCounter),
    ) -> Self {
        Self {
            id,
            certificate,
            key,
            counters,
            counter,
            origin,
            envelopes: Envelopes::default(),
            user_key: OnceLock::new(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn wrapping(&self, digest: &Digest) -> Result<Wrapping, NoSuchOaep> {
        Wrapping::new(self.certificate.kind, digest)
    }

    /// Signs with the private key.
    ///
    /// # Errors
    ///
    /// OpenSSL fails, or the hardware token does not do its part.
    pub(crate) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, LibraryError> {
        self.with_key(|key| signature::sign(self.certificate.kind, key, input))
    }

    /// Whether the private key of this certificate has made a signature.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub(crate) fn has_signed(&self, input: &[u8], signature: &[u8]) -> Result<bool, LibraryError> {
        let (kind, key) = (self.certificate.kind, &self.certificate.key);
        signature::verify(kind, key, input, signature)
    }

    /// The key of ids of users. The private key makes it when it is first asked for.
    ///
    /// # Errors
    ///
    /// OpenSSL fails, or the hardware token does not do its part.
    pub(crate) fn user_key(&self) -> Result<&UserKey, LibraryError> {
        if let Some(key) = self.user_key.get() {
            return Ok(key);
        }
        let secret = self.with_key(|key| user_secret::of(&self.certificate, key))?;
        let key = user_key_from_private_key(&secret);
        Ok(self.user_key.get_or_init(|| key))
    }

    /// Tries whether the private key decrypts, before a session depends on it. A hardware
    /// token may have keys that can only sign.
    ///
    /// # Errors
    ///
    /// The key does not decrypt.
    pub(crate) fn try_key(&self, wrapping: Wrapping) -> Result<(), LibraryError> {
        let trial = [0; 32];
        let wrapped = wrapping.wrap(&self.certificate.key, &trial)?;
        let unwrap = |key: &_| wrapping.unwrap(key, &wrapped.encrypted_key, wrapped.point.as_ref());
        match self.with_key(unwrap)? {
            Some(key) if *key == trial => Ok(()),
            _ => Err(LibraryError::because(
                "decrypt a content key",
                "another one came out",
            )),
        }
    }

    /// Decrypts an encrypted key that the private key has signed; `None` if it contains
    /// no key.
    ///
    /// # Errors
    ///
    /// OpenSSL fails, or the hardware token with the private key does not do its part.
    /// The encrypted key may be good then.
    pub(crate) fn unwrap(
        &self,
        wrapping: Wrapping,
        encrypted_key: &[u8],
        point: Option<&Point>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, LibraryError> {
        self.with_key(|key| wrapping.unwrap(key, encrypted_key, point))
    }

    /// Calls `work` with the private key, which is counted.
    fn with_key<T>(
        &self,
        work: impl Fn(&PKeyRef<Private>) -> Result<T, LibraryError>,
    ) -> Result<T, LibraryError> {
        // Such a call takes a millisecond, and its stripe does not matter.
        self.counters.count(Event::PrivateKey, 0);
        self.key.with(work)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Identity")
    }
}

#[cfg(test)]
mod tests {
    use openssl::pkey::PKey;
    use openssl::x509::X509;

    use super::*;
    use crate::certificate::certificate::{Curve, KeyKind};

    fn identity() -> Identity {
        let pem = include_bytes!("../../vectors/certificates/p-256.pem");
        let certificate = Certificate::new(X509::from_pem(pem).unwrap()).unwrap();
        assert_eq!(certificate.kind, KeyKind::Ec(Curve::P256));
        let key = PKey::private_key_from_pem(pem).unwrap();
        let counted = (Counters::none(), KeyCounter::OTHER);
        let key = PrivateKey::Memory(key);
        Identity::new(1, (certificate, key), Origin::Server, counted)
    }

    #[test]
    fn only_its_type_is_printed() {
        let identity = identity();
        assert_eq!(format!("{:?}", identity.certificate), "Certificate");
        let identities = Identities::new(vec![Arc::new(identity)]);
        assert_eq!(format!("{identities:?}"), "Identities([Identity])");
    }
}
