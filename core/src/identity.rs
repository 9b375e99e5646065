//! A certificate with its private key, and the content keys that they seal.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::certificate::{Certificate, THUMBPRINT, Validity};
use crate::digest::Digest;
use crate::error::LibraryError;
use crate::key_wrapping::{NoSuchOaep, Point, Wrapping};
use crate::private_key::PrivateKey;
use crate::purpose::Purpose;
use crate::shared::Shared;
use crate::signature;
use crate::wrapped_header::{Signed, Unsigned};

/// The certificates of a section, each with its private key: the first seals,
/// all open.
#[derive(Debug)]
pub struct Identities(Vec<Arc<Identity>>);

/// A certificate and its private key.
pub(crate) struct Identity {
    id: u64,
    pub(crate) certificate: Certificate,
    key: PrivateKey,
    /// It came with a `.htaccess` file.
    pub(crate) is_visitor: bool,
    envelopes: Mutex<Vec<(EnvelopeName, Shared<Envelope>)>>,
}

/// A content key, and the beginning of every token under it: made once for an
/// hour, because the private key signs it.
pub(crate) struct Envelope {
    pub(crate) content_key: Zeroizing<Vec<u8>>,
    /// In base64url, as the next.
    pub(crate) header: String,
    pub(crate) encrypted_key: String,
}

/// What an envelope is for.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct EnvelopeName {
    pub(crate) wrapping: Wrapping,
    pub(crate) cipher: usize,
    pub(crate) hour: u64,
    pub(crate) purpose: Option<Purpose>,
}

/// Envelopes that an identity keeps: for more purposes than a sane configuration
/// has under one certificate.
const MAX_ENVELOPES: usize = 64;

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

    /// Where an identity stands in the list, by its id.
    pub(crate) fn find(&self, id: u64) -> Option<(usize, &Arc<Identity>)> {
        let mut entries = self.0.iter().enumerate();
        entries.find(|(_, identity)| identity.id == id)
    }

    pub(crate) fn by_thumbprint(&self, thumbprint: &[u8; THUMBPRINT]) -> Option<&Arc<Identity>> {
        let mut entries = self.0.iter();
        entries.find(|identity| identity.certificate.thumbprint == *thumbprint)
    }

    /// Compares the dates of the certificate that seals with a Unix time in
    /// seconds.
    pub fn validity(&self, now: u64) -> Validity {
        self.first().map_or(Validity::Valid, |identity| {
            identity.certificate.validity(now)
        })
    }

    /// Whether tokens can be made under this digest: with RSA, JWE has names
    /// for SHA-256 and SHA-1 only.
    pub fn can_use(&self, digest: &Digest) -> bool {
        self.0
            .iter()
            .all(|identity| identity.wrapping(digest).is_ok())
    }
}

impl Identity {
    /// Joins what belongs together; `id` is unique in its keyring.
    pub(crate) fn new(
        id: u64,
        certificate: Certificate,
        key: PrivateKey,
        is_visitor: bool,
    ) -> Self {
        Self {
            id,
            certificate,
            key,
            is_visitor,
            envelopes: Mutex::default(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn wrapping(&self, digest: &Digest) -> Result<Wrapping, NoSuchOaep> {
        Wrapping::new(self.certificate.kind, digest)
    }

    /// The envelope of this name, sealed now if it has not been; and whether
    /// it was.
    pub(crate) fn with_envelope<T>(
        &self,
        name: EnvelopeName,
        enc: &str,
        content_key: impl FnOnce() -> Result<Zeroizing<Vec<u8>>, LibraryError>,
        with: impl FnOnce(&Envelope) -> T,
    ) -> Result<(T, bool), LibraryError> {
        let place = self.place(&name);
        let (envelope, made) = place.get(|| self.seal_envelope(&name, enc, content_key()?))?;
        Ok((with(envelope), made))
    }

    /// The place of an envelope, sealed or not.
    fn place(&self, name: &EnvelopeName) -> Shared<Envelope> {
        let mut held = self
            .envelopes
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // A request may have begun in the last hour, and others in this one: none
        // of them is to push out what the next one needs.
        let is_near = |hour: u64| hour.abs_diff(name.hour) <= 1;
        held.retain(|(held, place)| is_near(held.hour) && !place.has_failed());
        if let Some((_, place)) = held.iter().find(|(held, _)| held == name) {
            return place.clone();
        }
        if held.len() >= MAX_ENVELOPES {
            held.remove(0);
        }
        let place = Shared::default();
        held.push((name.clone(), place.clone()));
        place
    }

    fn seal_envelope(
        &self,
        name: &EnvelopeName,
        enc: &str,
        content_key: Zeroizing<Vec<u8>>,
    ) -> Result<Envelope, LibraryError> {
        let certificate = &self.certificate;
        let wrapped = name.wrapping.wrap(&certificate.key, &content_key)?;
        let encrypted_key = URL_SAFE_NO_PAD.encode_to_string(&wrapped.encrypted_key);
        let header = Unsigned::new(
            name.wrapping,
            enc,
            &certificate.thumbprint,
            name.purpose.as_ref(),
            wrapped.point.as_ref(),
        );
        let input = header.signing_input(&encrypted_key);
        let sign = |key: &_| signature::sign(certificate.kind, key, input.as_bytes());
        let signature = self.key.with(sign)?;
        Ok(Envelope {
            content_key,
            header: header.signed(&signature),
            encrypted_key,
        })
    }

    /// Whether our own private key has signed a header and an encrypted key.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub(crate) fn has_signed(
        &self,
        header: &Signed,
        encrypted_key: &str,
    ) -> Result<bool, LibraryError> {
        let input = header.signing_input(encrypted_key);
        signature::verify(
            self.certificate.kind,
            &self.certificate.key,
            input.as_bytes(),
            &header.signature,
        )
    }

    /// Tries whether the private key decrypts, before a session depends on it:
    /// a token may have keys that only sign.
    ///
    /// # Errors
    ///
    /// It does not.
    pub(crate) fn try_key(&self, wrapping: Wrapping) -> Result<(), LibraryError> {
        let trial = [0; 32];
        let wrapped = wrapping.wrap(&self.certificate.key, &trial)?;
        let unwrap = |key: &_| wrapping.unwrap(key, &wrapped.encrypted_key, wrapped.point.as_ref());
        match self.key.with(unwrap)? {
            Some(key) if *key == trial => Ok(()),
            _ => Err(LibraryError::because(
                "decrypt a content key",
                "another one came out",
            )),
        }
    }

    /// Decrypts an encrypted key that our own private key has signed; `None` if
    /// there is none in it.
    ///
    /// # Errors
    ///
    /// OpenSSL fails, or the private key is on a hardware token that does not do its part:
    /// nothing is known of the encrypted key then.
    pub(crate) fn unwrap(
        &self,
        wrapping: Wrapping,
        encrypted_key: &[u8],
        point: Option<&Point>,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, LibraryError> {
        self.key
            .with(|key| wrapping.unwrap(key, encrypted_key, point))
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
    use crate::certificate::{Curve, KeyKind};

    fn identity() -> Identity {
        let pem = include_bytes!("../vectors/certificates/p-256.pem");
        let certificate = Certificate::new(X509::from_pem(pem).unwrap()).unwrap();
        assert_eq!(certificate.kind, KeyKind::Ec(Curve::P256));
        let key = PKey::private_key_from_pem(pem).unwrap();
        Identity::new(1, certificate, PrivateKey::Memory(key), false)
    }

    /// Whether an envelope had to be made, and its encrypted key.
    fn envelope(identity: &Identity, hour: u64, purpose: usize) -> (bool, String) {
        let name = EnvelopeName {
            wrapping: Wrapping::EcdhEs(Curve::P256),
            cipher: 1,
            hour,
            purpose: Some(Purpose::new(&format!("purpose {purpose}")).unwrap()),
        };
        let content_key = || Ok(Zeroizing::new(vec![7; 32]));
        let with = |envelope: &Envelope| envelope.encrypted_key.clone();
        let (key, made) = identity
            .with_envelope(name, "A256GCM", content_key, with)
            .unwrap();
        (made, key)
    }

    fn held(identity: &Identity) -> usize {
        identity.envelopes.lock().unwrap().len()
    }

    #[test]
    fn envelopes_for_many_purposes_stay_few() {
        let identity = identity();
        for purpose in 0..3 * MAX_ENVELOPES {
            assert!(envelope(&identity, 1, purpose).0);
            assert!(held(&identity) <= MAX_ENVELOPES);
        }
        for purpose in 2 * MAX_ENVELOPES..3 * MAX_ENVELOPES {
            assert!(!envelope(&identity, 1, purpose).0, "{purpose}");
        }
    }

    #[test]
    fn a_request_of_the_last_hour_does_not_cost_this_one_its_envelope() {
        let identity = identity();
        let last = envelope(&identity, 1, 0).1;
        let this = envelope(&identity, 2, 0).1;
        assert_ne!(last, this);
        for _ in 0..3 {
            assert_eq!(envelope(&identity, 1, 0), (false, last.clone()));
            assert_eq!(envelope(&identity, 2, 0), (false, this.clone()));
        }
    }

    #[test]
    fn envelopes_of_past_hours_are_dropped() {
        let identity = identity();
        for hour in 1..50 {
            assert!(envelope(&identity, hour, 0).0);
            assert!(held(&identity) <= 2);
        }
        // Neither does a clock that goes back keep them.
        assert!(envelope(&identity, 1, 0).0);
        assert_eq!(held(&identity), 1);
    }

    #[test]
    fn a_failure_is_not_kept() {
        let identity = identity();
        let name = EnvelopeName {
            wrapping: Wrapping::EcdhEs(Curve::P256),
            cipher: 1,
            hour: 1,
            purpose: None,
        };
        let fail = || Err(LibraryError::elsewhere());
        let failed = identity.with_envelope(name.clone(), "A256GCM", fail, |_| ());
        assert!(failed.is_err());
        let content_key = || Ok(Zeroizing::new(vec![7; 32]));
        let made = identity.with_envelope(name, "A256GCM", content_key, |_| ());
        assert!(made.unwrap().1);
    }

    #[test]
    fn only_its_type_is_printed() {
        let identity = identity();
        assert_eq!(format!("{:?}", identity.certificate), "Certificate");
        let identities = Identities::new(vec![Arc::new(identity)]);
        assert_eq!(format!("{identities:?}"), "Identities([Identity])");
    }
}
