//! Content keys that are encrypted to a certificate: another one each hour in
//! each process.
//!
//! Whoever sends tokens gets as far as one verification with a public key. What
//! costs more, or is kept, needs a signature by the private key.

use base64_simd::URL_SAFE_NO_PAD;
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use crate::algorithm::cipher::Cipher;
use crate::certificate::content_keys::WrappedName;
use crate::certificate::envelopes::{Envelope, EnvelopeUse};
use crate::certificate::identity::{Identities, Identity};
use crate::certificate::wrapping::Wrapping;
use crate::error::{LibraryError, OpenError, Refusal};
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{ContentKeyName, OpeningContext, SealingContext};
use crate::jwe::header::{self, Unsigned};
use crate::keyring::hour;
use crate::keyring::random::{Drawn, Random};
use crate::sealer::sealer::Sealer;

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

    /// Makes that key, so that no request has to, and tries whether the private
    /// keys decrypt; says whether they were used.
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
        // The parent has no bench, or its children would inherit it.
        let mut random = self.keyring.benches.random();
        let (_, signed) =
            self.seal_under_wrapped_key(name, identities, cipher, enc, &mut random)?;
        if signed {
            for identity in identities.iter() {
                if let Ok(wrapping) = identity.wrapping(self.jwe_digest()) {
                    identity.try_key(wrapping)?;
                }
            }
        }
        Ok(signed)
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
        let usage = EnvelopeUse {
            wrapping,
            cipher: cipher.id(),
            hour,
            purpose: purpose.cloned(),
        };
        let place = identity.envelopes.envelope(&usage);
        let (envelope, signed) =
            place.get(|| seal_envelope(identity, &usage, cipher, enc, random))?;
        let (header, encrypted_key) = (&envelope.header, &envelope.encrypted_key);
        let own = wrapped_name(identity, header.as_bytes(), encrypted_key.as_bytes());
        // What is sealed here also opens here without the private key, which
        // may be slow or away: in this process, and in those forked from it.
        let place = self.keyring.content_keys(identity).place(&own);
        place.get(|| Ok(Some(envelope.content_key.clone())))?;
        let made = SealingContext {
            context: AeadContext::sealing(cipher, &envelope.content_key)?,
            header: header.clone(),
            encrypted_key: encrypted_key.clone(),
            name,
            purpose: purpose.cloned(),
        };
        Ok((made, signed))
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
                let Some(thumbprint) = header::read_thumbprint(&header, alg, enc) else {
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
        let signed = header::read_rest(header, kind, wrapping, enc, purpose)?;
        let name = wrapped_name(identity, parts.header, parts.encrypted_key);
        let place = match self.keyring.content_keys(identity).find(&name) {
            Some(place) => place,
            None => {
                check_parts(
                    parts,
                    wrapping.encrypted_key_length(kind, cipher.key_length()),
                )?;
                // Text and not bytes is what the signature is over.
                let encrypted_key =
                    std::str::from_utf8(parts.encrypted_key).map_err(|_| Refusal::Encoding)?;
                let input = signed.signing_input(encrypted_key);
                if !identity.has_signed(input.as_bytes(), &signed.signature)? {
                    return Err(OpenError::Refused(Refusal::Signature));
                }
                self.keyring.content_keys(identity).place(&name)
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

/// Draws a content key, encrypts it to a certificate, and signs it.
fn seal_envelope<R: Random>(
    identity: &Identity,
    usage: &EnvelopeUse,
    cipher: &Cipher,
    enc: &str,
    random: &mut Drawn<R>,
) -> Result<Envelope, LibraryError> {
    let bytes = Zeroizing::new(random.take::<32>()?);
    let mut content_key = Zeroizing::new(bytes.to_vec());
    content_key.truncate(cipher.key_length());
    let certificate = &identity.certificate;
    let wrapped = usage.wrapping.wrap(&certificate.key, &content_key)?;
    let encrypted_key = URL_SAFE_NO_PAD.encode_to_string(&wrapped.encrypted_key);
    let header = Unsigned::new(
        usage.wrapping,
        enc,
        &certificate.thumbprint,
        usage.purpose.as_ref(),
        wrapped.point.as_ref(),
    );
    let signature = identity.sign(header.signing_input(&encrypted_key).as_bytes())?;
    Ok(Envelope {
        content_key,
        header: header.signed(&signature),
        encrypted_key,
    })
}

/// Looks at all that costs next to nothing, before a public key has to work.
fn check_parts(parts: &Parts<'_>, encrypted_key: usize) -> Result<(), Refusal> {
    let text = parts.encrypted_key;
    if text.len() != URL_SAFE_NO_PAD.encoded_length(encrypted_key) {
        return Err(Refusal::EncryptedKey);
    }
    let are_base64url = [text, parts.ciphertext].map(|text| URL_SAFE_NO_PAD.check(text));
    if are_base64url.iter().any(Result::is_err) {
        return Err(Refusal::Encoding);
    }
    Ok(())
}

/// What goes by a header and an encrypted key, both in base64url.
fn wrapped_name(identity: &Identity, header: &[u8], encrypted_key: &[u8]) -> WrappedName {
    let mut hash = Sha256::new();
    hash.update(header);
    // No base64url has a dot.
    hash.update(b".");
    hash.update(encrypted_key);
    WrappedName {
        identity: identity.id(),
        digest: hash.finish(),
    }
}

#[cfg(test)]
mod tests {
    use openssl::bn::BigNum;
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::{PKey, Private};
    use openssl::rsa::Padding;
    use openssl::sign::{RsaPssSaltlen, Signer};
    use openssl::x509::X509;

    use super::*;
    use crate::arena::heap::Heap;
    use crate::certificate::certificate::{Certificate, Curve, KeyKind};
    use crate::certificate::signature;
    use crate::certificate::wrapping::{Oaep, Point};
    use crate::jwe::header::Unsigned;
    use crate::keyring::hour::Seed;
    use crate::keyring::keyring::Keyring;
    use crate::keyring::random::OpenSslRandom;
    use crate::sealer::sealer::{Call, Keys, Settings};
    use crate::shared_memory::SharedMemory;
    use crate::vectors;

    const ENC: &str = "A256GCM";
    const RSA: Wrapping = Wrapping::RsaOaep(Oaep::Sha256);
    const CURVE: Wrapping = Wrapping::EcdhEs(Curve::P256);

    /// A section with one certificate, and what only it can sign.
    struct Section {
        keyring: Keyring,
        identities: std::sync::Arc<Identities>,
        certificate: Certificate,
        key: PKey<Private>,
        wrapping: Wrapping,
    }

    impl Section {
        fn new(name: &str, wrapping: Wrapping) -> Self {
            let keyring =
                Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
            let pem = std::fs::read(vectors::certificate(name)).unwrap();
            Self {
                identities: vectors::identities(&keyring, name),
                keyring,
                certificate: Certificate::new(X509::from_pem(&pem).unwrap()).unwrap(),
                key: PKey::private_key_from_pem(&pem).unwrap(),
                wrapping,
            }
        }

        fn both() -> [Self; 2] {
            [Self::new("rsa-2048", RSA), Self::new("p-256", CURVE)]
        }

        fn content_keys(&self) -> usize {
            let identity = self.identities.first().unwrap();
            self.keyring.content_keys(identity).len()
        }

        fn refusal(&self, token: &str) -> Refusal {
            let settings = Settings {
                keys: Keys::Certificates(&self.identities),
                ciphers: &[self.keyring.cipher(None, "aes-256-gcm").unwrap()],
                digest: None,
                purpose: None,
                engine: None,
            };
            let call = Call {
                now: 0,
                processor: 0,
            };
            let sealer = Sealer::new(&self.keyring, settings);
            match sealer.open(token.as_bytes(), call, &Heap) {
                Err(OpenError::Refused(refusal)) => refusal,
                Err(OpenError::Library(error)) => panic!("{error}"),
                Ok(_) => panic!("it opens"),
            }
        }

        /// A token whose header is signed by `sign`, and whose tag is wrong.
        fn token(
            &self,
            encrypted_key: &str,
            point: Option<&Point>,
            sign: impl FnOnce(&[u8]) -> Vec<u8>,
        ) -> String {
            let thumbprint = &self.certificate.thumbprint;
            let header = Unsigned::new(self.wrapping, ENC, thumbprint, None, point);
            let signature = sign(header.signing_input(encrypted_key).as_bytes());
            let header = header.signed(&signature);
            let (nonce, tag) = ("A".repeat(16), "A".repeat(22));
            format!("{header}.{encrypted_key}.{nonce}.AAAA.{tag}")
        }

        fn sign(&self, input: &[u8]) -> Vec<u8> {
            signature::sign(self.certificate.kind, &self.key, input).unwrap()
        }

        /// An encrypted key, and its point, as whoever has the certificate
        /// makes them.
        fn wrap(&self, wrapping: Wrapping) -> (String, Option<Point>) {
            let wrapped = wrapping.wrap(&self.certificate.key, &[7; 32]).unwrap();
            let encrypted_key = URL_SAFE_NO_PAD.encode_to_string(wrapped.encrypted_key);
            (encrypted_key, wrapped.point)
        }
    }

    #[test]
    fn whoever_has_the_certificate_alone_leaves_nothing_behind() {
        for section in Section::both() {
            let length = section.certificate.kind.signature_length();
            for number in 0..200_u8 {
                let (encrypted_key, point) = section.wrap(section.wrapping);
                let token = section.token(&encrypted_key, point.as_ref(), |_| vec![number; length]);
                assert_eq!(section.refusal(&token), Refusal::Signature);
            }
            assert_eq!(section.content_keys(), 0);
        }
    }

    #[test]
    fn refuses_signatures_of_another_kind() {
        let [rsa, curve] = Section::both();
        let (encrypted_key, _) = rsa.wrap(RSA);
        let with = |digest, padding, salt| {
            let sign = |input: &[u8]| {
                let mut signer = Signer::new(digest, &rsa.key).unwrap();
                signer.set_rsa_padding(padding).unwrap();
                if padding == Padding::PKCS1_PSS {
                    signer.set_rsa_mgf1_md(digest).unwrap();
                    signer.set_rsa_pss_saltlen(salt).unwrap();
                }
                signer.sign_oneshot_to_vec(input).unwrap()
            };
            rsa.refusal(&rsa.token(&encrypted_key, None, sign))
        };
        let (sha256, sha1) = (MessageDigest::sha256(), MessageDigest::sha1());
        let (pss, salt) = (Padding::PKCS1_PSS, || RsaPssSaltlen::DIGEST_LENGTH);
        // As it should be, it gets as far as the tag.
        assert_eq!(with(sha256, pss, salt()), Refusal::Tag);
        for (digest, padding, salt) in [
            (sha256, Padding::PKCS1, salt()),
            (sha1, pss, salt()),
            (sha256, pss, RsaPssSaltlen::custom(20)),
            (sha256, pss, RsaPssSaltlen::MAXIMUM_LENGTH),
        ] {
            assert_eq!(with(digest, padding, salt), Refusal::Signature);
        }

        let (encrypted_key, point) = curve.wrap(CURVE);
        type Sign<'s> = &'s dyn Fn(&[u8]) -> Vec<u8>;
        let refusal =
            |sign: Sign<'_>| curve.refusal(&curve.token(&encrypted_key, point.as_ref(), sign));
        assert_eq!(refusal(&|input| curve.sign(input)), Refusal::Tag);
        let der = |digest, input: &[u8]| {
            let mut signer = Signer::new(digest, &curve.key).unwrap();
            signer.sign_oneshot_to_vec(input).unwrap()
        };
        let sha512 = MessageDigest::sha512();
        let wrong: [Sign<'_>; 6] = [
            &|input: &[u8]| der(sha256, input),
            &|input: &[u8]| {
                let der = der(sha512, input);
                let signature = openssl::ecdsa::EcdsaSig::from_der(&der).unwrap();
                let [r, s] = [signature.r(), signature.s()].map(|n| n.to_vec_padded(32).unwrap());
                [r, s].concat()
            },
            &|_: &[u8]| vec![0; 64],
            &|_: &[u8]| vec![0xff; 64],
            &|input: &[u8]| curve.sign(input)[1..].to_vec(),
            &|input: &[u8]| [curve.sign(input), vec![0]].concat(),
        ];
        for sign in wrong {
            assert_eq!(refusal(sign), Refusal::Signature);
        }
    }

    #[test]
    fn refuses_signed_encrypted_keys_without_a_key_in_them() {
        for section in Section::both() {
            let (right, point) = section.wrap(section.wrapping);
            let bytes = URL_SAFE_NO_PAD.decode_to_vec(&right).unwrap();
            let mut wrong = vec![
                String::new(),
                "A".to_owned(),
                "AA==".to_owned(),
                format!("{right}A"),
                format!("{right}=="),
                "AAAA".repeat(10_000),
            ];
            let mut encode = |bytes: &[u8]| wrong.push(URL_SAFE_NO_PAD.encode_to_string(bytes));
            encode(&[bytes.as_slice(), &[0]].concat());
            for length in (0..bytes.len()).step_by(8) {
                encode(&bytes[..length]);
                let mut flipped = bytes.clone();
                flipped[length] ^= 1;
                encode(&flipped);
            }
            encode(&vec![0; bytes.len()]);
            encode(&vec![0xff; bytes.len()]);
            if section.wrapping == RSA {
                // The other OAEP, in a header that does not say so.
                wrong.push(section.wrap(Wrapping::RsaOaep(Oaep::Sha1)).0);
            }
            for encrypted_key in &wrong {
                let sign = |input: &[u8]| section.sign(input);
                let token = section.token(encrypted_key, point.as_ref(), sign);
                for _ in 0..2 {
                    let refusal = section.refusal(&token);
                    assert_eq!(refusal, Refusal::EncryptedKey, "{encrypted_key}");
                }
            }
            assert!(section.content_keys() <= wrong.len());
        }
    }

    #[test]
    fn what_is_cheap_to_see_is_looked_at_before_the_signature() {
        for section in Section::both() {
            let length = section.certificate.kind.signature_length();
            let (right, point) = section.wrap(section.wrapping);
            let junk = |encrypted_key: &str| {
                section.token(encrypted_key, point.as_ref(), |_| vec![1; length])
            };
            assert_eq!(section.refusal(&junk(&right)), Refusal::Signature);
            for wrong in [&right[4..], &format!("AAAA{right}"), &right[1..], ""] {
                assert_eq!(section.refusal(&junk(wrong)), Refusal::EncryptedKey);
            }
            let not_base64 = format!("+{}", &right[1..]);
            assert_eq!(section.refusal(&junk(&not_base64)), Refusal::Encoding);
            // The ciphertext, which is the only part of four characters.
            for wrong in ["A", "AA+A", "AAAAA"] {
                let token = junk(&right).replace(".AAAA.", &format!(".{wrong}."));
                assert_eq!(section.refusal(&token), Refusal::Encoding, "{wrong}");
            }
            assert_eq!(section.content_keys(), 0);
        }
    }

    /// Whoever has a signature (r, s) of ECDSA has (r, -s), too.
    #[test]
    fn the_other_signature_of_a_header_opens_nothing() {
        let section = Section::new("p-256", CURVE);
        let KeyKind::Ec(Curve::P256) = section.certificate.kind else {
            panic!("another curve")
        };
        let (encrypted_key, point) = section.wrap(CURVE);
        let mut order = BigNum::new().unwrap();
        let group = openssl::ec::EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let mut context = openssl::bn::BigNumContext::new().unwrap();
        group.order(&mut order, &mut context).unwrap();
        let token = section.token(&encrypted_key, point.as_ref(), |input| {
            let signature = section.sign(input);
            let (r, s) = signature.split_at(32);
            let s = &order - &BigNum::from_slice(s).unwrap();
            [r, &s.to_vec_padded(32).unwrap()].concat()
        });
        // It is part of what the tag authenticates.
        assert_eq!(section.refusal(&token), Refusal::Tag);
    }
}
