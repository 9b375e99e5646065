//! Content keys that are encrypted to a certificate: another one each hour in
//! each process.
//!
//! Whoever sends tokens gets as far as one verification with a public key. What
//! costs more, or is kept, needs a signature by the private key.

use base64_simd::URL_SAFE_NO_PAD;
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use super::Sealer;
use crate::aead::AeadContext;
use crate::hour;
use crate::identity::{EnvelopeName, Identity};
use crate::jwe::Parts;
use crate::jwe_keys::{ContentKeyName, OpeningContext, SealingContext};
use crate::key_cache::WrappedName;
use crate::key_wrapping::Wrapping;
use crate::random::Drawn;
use crate::wrapped_header;
use crate::{Cipher, Identities, LibraryError, OpenError, Random, Refusal};

impl<R: Random + Clone> Sealer<'_, R> {
    /// The name of the key that seals now; `None` without a certificate.
    pub(super) fn wrapped_key_name(
        &self,
        identities: &Identities,
        cipher: &Cipher,
        now: u64,
    ) -> Option<ContentKeyName> {
        let identity = identities.first()?;
        Some(ContentKeyName::Wrapped {
            identity: identity.id(),
            wrapping: identity.wrapping(self.jwe_digest()).ok()?,
            cipher: cipher.id(),
            hour: hour::hour(now),
        })
    }

    /// Makes that key, so that no request has to; says whether the private key
    /// was used.
    pub(crate) fn sign_for_hour(
        &self,
        identities: &Identities,
        now: u64,
    ) -> Result<bool, LibraryError> {
        let Some((_, cipher, enc)) = self.jwe_ciphers().next() else {
            return Ok(false);
        };
        let Some(name) = self.wrapped_key_name(identities, cipher, now) else {
            return Ok(false);
        };
        self.keyring.benches.with(0, |bench| {
            self.seal_under_wrapped_key(name, identities, cipher, enc, &mut bench.random)
                .map(|(_, signed)| signed)
        })
    }

    /// Makes the context of that key; says whether the private key was used.
    pub(super) fn seal_under_wrapped_key(
        &self,
        name: ContentKeyName,
        identities: &Identities,
        cipher: &Cipher,
        enc: &str,
        random: &mut Drawn<R>,
    ) -> Result<(SealingContext, bool), LibraryError> {
        let (ContentKeyName::Wrapped { wrapping, hour, .. }, Some(identity)) =
            (name, identities.first())
        else {
            return Err(LibraryError::impossible("seal"));
        };
        let purpose = self.settings.purpose;
        let envelope = EnvelopeName {
            wrapping,
            cipher: cipher.id(),
            hour,
            purpose: purpose.cloned(),
        };
        let content_key = || {
            let mut key = Zeroizing::new(random.take::<32>()?.to_vec());
            key.truncate(cipher.key_length());
            Ok(key)
        };
        let (made, signed) = identity.with_envelope(envelope, enc, content_key, |envelope| {
            Ok(SealingContext {
                context: AeadContext::sealing(cipher, &envelope.content_key)?,
                header: envelope.header.clone(),
                encrypted_key: envelope.encrypted_key.clone(),
                name,
                purpose: purpose.cloned(),
            })
        })?;
        Ok((made?, signed))
    }

    /// Finds the key that a token carries; says whether the private key was
    /// used.
    pub(super) fn open_under_wrapped_key(
        &self,
        identities: &Identities,
        parts: &Parts<'_>,
    ) -> Result<(OpeningContext, bool), OpenError> {
        let header = URL_SAFE_NO_PAD
            .decode_to_vec(parts.header)
            .map_err(|_| Refusal::Encoding)?;
        for (_, cipher, enc) in self.jwe_ciphers() {
            for alg in self.algs(identities) {
                let Some(thumbprint) = wrapped_header::read_thumbprint(&header, alg, enc) else {
                    continue;
                };
                let identity = identities
                    .by_thumbprint(&thumbprint)
                    .ok_or(Refusal::UnknownCertificate)?;
                // Certificates on different curves have one alg.
                let wrapping = identity.wrapping(self.jwe_digest()).ok();
                let wrapping = wrapping
                    .filter(|wrapping| wrapping.alg() == alg)
                    .ok_or(Refusal::UnknownCertificate)?;
                let algorithm = (wrapping, cipher, enc);
                return self.open_with(identity, algorithm, &header, parts);
            }
        }
        Err(OpenError::Refused(Refusal::Header))
    }

    fn open_with(
        &self,
        identity: &Identity,
        (wrapping, cipher, enc): (Wrapping, &Cipher, &str),
        header: &[u8],
        parts: &Parts<'_>,
    ) -> Result<(OpeningContext, bool), OpenError> {
        let (kind, purpose) = (identity.certificate.kind, self.settings.purpose);
        let signed = wrapped_header::read_rest(header, kind, wrapping, enc, purpose)?;
        let name = wrapped_name(identity, parts);
        let place = match self.keyring.content_keys.find(&name) {
            Some(place) => place,
            None => {
                // Text and not bytes is what the signature is over.
                let encrypted_key =
                    std::str::from_utf8(parts.encrypted_key).map_err(|_| Refusal::Encoding)?;
                if !identity.has_signed(&signed, encrypted_key) {
                    return Err(OpenError::Refused(Refusal::Signature));
                }
                self.keyring.content_keys.place(&name)
            }
        };
        let (content_key, unwrapped) = place.get(|| {
            let Ok(encrypted_key) = URL_SAFE_NO_PAD.decode_to_vec(parts.encrypted_key) else {
                return Ok(None);
            };
            identity.unwrap(wrapping, &encrypted_key, signed.point.as_ref())
        })?;
        let content_key = content_key
            .as_ref()
            .filter(|key| key.len() == cipher.key_length())
            .ok_or(Refusal::EncryptedKey)?;
        let name = ContentKeyName::Wrapped {
            identity: identity.id(),
            wrapping,
            cipher: cipher.id(),
            hour: 0,
        };
        let context = AeadContext::opening(cipher, content_key)?;
        let opening = OpeningContext::new(context, name, parts, purpose);
        Ok((opening, unwrapped))
    }

    /// The `alg` of the certificates of this section, each once.
    fn algs(&self, identities: &Identities) -> Vec<&'static str> {
        let mut algs = Vec::new();
        for identity in identities.iter() {
            if let Ok(wrapping) = identity.wrapping(self.jwe_digest()) {
                if !algs.contains(&wrapping.alg()) {
                    algs.push(wrapping.alg());
                }
            }
        }
        algs
    }
}

fn wrapped_name(identity: &Identity, parts: &Parts<'_>) -> WrappedName {
    let mut hash = Sha256::new();
    hash.update(parts.header);
    // No base64url has a dot.
    hash.update(b".");
    hash.update(parts.encrypted_key);
    WrappedName {
        identity: identity.id(),
        digest: hash.finish(),
    }
}
