//! The key scheme of certificates: a random content key for each hour in each process,
//! encrypted to the certificate.
//!
//! The sender of a token can make a server verify a signature, with the public key. All
//! that costs more, or is kept, needs a right signature by the private key.

use base64_simd::URL_SAFE_NO_PAD;
use openssl::sha::Sha256;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::user_key::{NamedUser, USER_ID};
use crate::cache::envelopes::EnvelopeUse;
use crate::cache::slot::Obtained;
use crate::certificate::content_keys::ContentKeyId;
use crate::certificate::identity::{Identities, Identity};
use crate::certificate::wrapping::Wrapping;
use crate::counters::event::TokenFormat;
use crate::counters::key::CountedAs;
use crate::error::{LibraryError, OpenError, Refusal, SealError, UserIdError};
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{OpeningContext, SealingContext};
use crate::jwe::envelope;
use crate::jwe::header::Header;
use crate::keyring::hour;
use crate::keyring::random::{Random, RandomBlock};
use crate::sealer::call::Cost;
use crate::sealer::key_scheme::{KeyScheme, Standing};
use crate::sealer::section::Section;

/// The key scheme of a section with certificates.
pub(super) struct WrappedKeys<'s, R> {
    section: &'s Section<'s, R>,
    identities: &'s Identities,
}

impl<'s, R> WrappedKeys<'s, R> {
    pub(super) fn new(section: &'s Section<'s, R>, identities: &'s Identities) -> Self {
        Self {
            section,
            identities,
        }
    }
}

impl<R: Random + Clone> KeyScheme<R> for WrappedKeys<'_, R> {
    fn seals_with(&self, _: u64) -> Result<u64, SealError> {
        let first = self.identities.first().map(|identity| identity.id());
        first.ok_or(SealError::NoKey)
    }

    fn positions(&self, _: u64) -> Vec<usize> {
        (0..self.identities.count()).collect()
    }

    fn standing(&self, secret: u64, _: u64) -> Option<Standing> {
        self.identities.position(secret).map(Standing::in_list)
    }

    fn period(&self, now: u64) -> u64 {
        hour::hour(now)
    }

    fn sealing(
        &self,
        now: u64,
        random: &mut RandomBlock<R>,
    ) -> Result<(SealingContext, Cost), SealError> {
        let section = self.section;
        let (_, cipher, enc) = section.jwe_ciphers().next().ok_or(SealError::NoKey)?;
        let identity = self.identities.first().ok_or(SealError::NoKey)?;
        let wrapping = identity.wrapping(section.jwe_digest());
        let wrapping = wrapping.map_err(|_| SealError::NoKey)?;
        let (purpose, hour) = (section.settings.purpose, self.period(now));
        let usage = EnvelopeUse {
            wrapping,
            cipher: cipher.id(),
            hour,
            purpose: purpose.cloned(),
        };
        let slot = identity.envelopes.slot(&usage);
        let make = || envelope::seal(identity, &usage, enc, section.draw_key(cipher, random)?);
        let Obtained { key, is_new } = slot.get(make)?;
        let (header, encrypted_key) = (&key.header, &key.encrypted_key);
        // A session that is sealed here also opens here, and in processes forked from this
        // one, without the private key, which may be slow or away.
        let id = ContentKeyId {
            identity: identity.id(),
            digest: digest(header.as_bytes(), encrypted_key.as_bytes()),
        };
        let opening_slot = section.keyring.content_keys(identity).slot(&id);
        opening_slot.get(|| Ok(Some(key.content_key.clone())))?;
        let made = SealingContext {
            context: AeadContext::sealing(cipher, &key.content_key)?,
            header: header.clone(),
            encrypted_key: encrypted_key.clone(),
            source: section.key_source(identity.id(), cipher),
            counted_as: counted_as(identity),
            period: hour,
            purpose: purpose.cloned(),
        };
        Ok((made, Cost::of_private_key(is_new)))
    }

    fn opening(&self, parts: &Parts<'_>, _: u64) -> Result<(OpeningContext, Cost), OpenError> {
        let header = Header::read(parts.header)?;
        let digest = self.section.jwe_digest();
        let mut ciphers = self.section.jwe_ciphers();
        let cipher = ciphers.find(|(_, _, enc)| header.has_enc(enc));
        let (_, cipher, _) = cipher.ok_or(Refusal::Header)?;
        let mut algs = self.identities.algs(digest).into_iter();
        if !algs.any(|alg| header.has_alg(alg)) {
            return Err(OpenError::Refused(Refusal::Header));
        }
        let thumbprint = header.thumbprint().ok_or(Refusal::Header)?;
        let identity = self.identities.by_thumbprint(&thumbprint);
        let identity = identity.ok_or(Refusal::UnknownCertificate)?;
        // Certificates on different curves have the same alg.
        let wrapping = identity.wrapping(digest).ok();
        let wrapping = wrapping
            .filter(|wrapping| header.has_alg(wrapping.alg()))
            .ok_or(Refusal::UnknownCertificate)?;
        self.open_with(identity, (wrapping, cipher), &header, parts)
    }

    /// Makes the envelope of the hour, and tries whether the private keys decrypt.
    fn ahead(&self, now: u64) -> Result<usize, LibraryError> {
        // These random bytes are not those of a kept context, which children would inherit.
        let mut random = self.section.keyring.contexts.random();
        let cost = match self.sealing(now, &mut random) {
            Ok((_, cost)) => cost,
            Err(SealError::Library(error)) => return Err(error),
            // Another check refuses this configuration, in better words.
            Err(_) => Cost::None,
        };
        if cost == Cost::None {
            return Ok(0);
        }
        for identity in self.identities.iter() {
            if let Ok(wrapping) = identity.wrapping(self.section.jwe_digest()) {
                identity.try_key(wrapping)?;
            }
        }
        Ok(1)
    }

    fn user_id(
        &self,
        position: usize,
        user: &NamedUser<'_>,
        _: u64,
    ) -> Result<[u8; USER_ID], UserIdError> {
        let identity = self.identities.iter().nth(position);
        Ok(identity.ok_or(UserIdError::NoKey)?.user_key()?.id(user))
    }

    fn users_ahead(&self) -> Result<(), LibraryError> {
        let mut identities = self.identities.iter();
        identities.try_for_each(|identity| identity.user_key().map(|_| ()))
    }
}

impl<R: Random + Clone> WrappedKeys<'_, R> {
    /// Makes the context that decrypts a token for this certificate.
    fn open_with(
        &self,
        identity: &Identity,
        (wrapping, cipher): (Wrapping, &Cipher),
        header: &Header,
        parts: &Parts<'_>,
    ) -> Result<(OpeningContext, Cost), OpenError> {
        let (section, kind) = (self.section, identity.certificate.kind);
        let purpose = section.settings.purpose;
        let signed = header.signed(kind, wrapping, purpose)?;
        let id = ContentKeyId {
            identity: identity.id(),
            digest: digest(parts.header, parts.encrypted_key),
        };
        let content_keys = section.keyring.content_keys(identity);
        let slot = match content_keys.find(&id) {
            Some(slot) => slot,
            None => {
                let length = wrapping.encrypted_key_length(kind, cipher.key_length());
                check_parts(parts, length)?;
                // The signature is over the text in base64url, not over its bytes.
                let encrypted_key =
                    std::str::from_utf8(parts.encrypted_key).map_err(|_| Refusal::Encoding)?;
                let input = signed.signing_input(encrypted_key);
                if !identity.has_signed(input.as_bytes(), &signed.signature)? {
                    return Err(OpenError::Refused(Refusal::Signature));
                }
                content_keys.slot(&id)
            }
        };
        let unwrapped = slot.get(|| {
            let Ok(encrypted_key) = URL_SAFE_NO_PAD.decode_to_vec(parts.encrypted_key) else {
                return Ok(None);
            };
            identity.unwrap(wrapping, &encrypted_key, signed.point.as_ref())
        })?;
        let content_key = unwrapped
            .key
            .as_ref()
            .filter(|key| key.len() == cipher.key_length())
            .ok_or(Refusal::EncryptedKey)?;
        let context = AeadContext::opening(cipher, content_key)?;
        let source = section.key_source(identity.id(), cipher);
        let opening = OpeningContext::new(context, (source, counted_as(identity)), parts, purpose);
        Ok((opening, Cost::of_private_key(unwrapped.is_new)))
    }
}

/// Refuses parts with a wrong length or wrong characters, before a signature is verified.
fn check_parts(parts: &Parts<'_>, encrypted_key_length: usize) -> Result<(), Refusal> {
    let text = parts.encrypted_key;
    if text.len() != URL_SAFE_NO_PAD.encoded_length(encrypted_key_length) {
        return Err(Refusal::EncryptedKey);
    }
    let are_base64url = [text, parts.ciphertext].map(|text| URL_SAFE_NO_PAD.check(text));
    if are_base64url.iter().any(Result::is_err) {
        return Err(Refusal::Encoding);
    }
    Ok(())
}

/// SHA-256 of a header and an encrypted key, both in base64url, with a dot between them.
fn digest(header: &[u8], encrypted_key: &[u8]) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(header);
    // base64url has no dot, so no other two texts give this one.
    hash.update(b".");
    hash.update(encrypted_key);
    hash.finish()
}

/// How a token under a certificate is counted.
fn counted_as(identity: &Identity) -> CountedAs {
    CountedAs {
        format: TokenFormat::Certificate,
        key: identity.counter,
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
    use crate::arena::HeapArena;
    use crate::certificate::certificate::{Certificate, Curve, KeyKind};
    use crate::certificate::signature;
    use crate::certificate::wrapping::{Oaep, Point};
    use crate::jwe::header::UnsignedHeader;
    use crate::keyring::hour::Seed;
    use crate::keyring::keyring::Keyring;
    use crate::keyring::random::OpenSslRandom;
    use crate::sealer::call::Now;
    use crate::sealer::sealer::Sealer;
    use crate::sealer::settings::{Secrets, Settings};
    use crate::shared_memory::SharedMemory;
    use crate::vectors;

    const ENC: &str = "A256GCM";
    const RSA: Wrapping = Wrapping::RsaOaep(Oaep::Sha256);
    const CURVE: Wrapping = Wrapping::EcdhEs(Curve::P256);

    /// A section with one certificate, and the private key of that certificate.
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
            let ciphers = [self.keyring.cipher(None, "aes-256-gcm").unwrap()];
            let settings = Settings::new(Secrets::Certificates(&self.identities), &ciphers);
            let call = Now {
                seconds: 0,
                processor: 0,
            };
            let sealer = Sealer::new(&self.keyring, settings);
            match sealer.open(token.as_bytes(), call, &HeapArena) {
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
            let header = UnsignedHeader::new(self.wrapping, ENC, thumbprint, None, point);
            let signature = sign(header.signing_input(encrypted_key).as_bytes());
            let header = header.signed(&signature);
            let (nonce, tag) = ("A".repeat(16), "A".repeat(22));
            format!("{header}.{encrypted_key}.{nonce}.AAAA.{tag}")
        }

        fn sign(&self, input: &[u8]) -> Vec<u8> {
            signature::sign(self.certificate.kind, &self.key, input).unwrap()
        }

        /// An encrypted key and its point, which take the certificate alone.
        fn wrap(&self, wrapping: Wrapping) -> (String, Option<Point>) {
            let wrapped = wrapping.wrap(&self.certificate.key, &[7; 32]).unwrap();
            let encrypted_key = URL_SAFE_NO_PAD.encode_to_string(wrapped.encrypted_key);
            (encrypted_key, wrapped.point)
        }
    }

    #[test]
    fn without_the_private_key_no_token_leaves_a_key_behind() {
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
    fn refuses_signatures_with_other_parameters() {
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
        // With the right signature a token gets as far as the tag.
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
    fn refuses_a_signed_token_whose_encrypted_key_holds_no_key() {
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
                // OAEP with SHA-1, under a header that says SHA-256.
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
    fn checks_lengths_and_characters_before_the_signature() {
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
            // The ciphertext is the only part with four characters.
            for wrong in ["A", "AA+A", "AAAAA"] {
                let token = junk(&right).replace(".AAAA.", &format!(".{wrong}."));
                assert_eq!(section.refusal(&token), Refusal::Encoding, "{wrong}");
            }
            assert_eq!(section.content_keys(), 0);
        }
    }

    /// An attacker with an ECDSA signature (r, s) also has the signature (r, -s).
    #[test]
    fn a_token_with_the_mirrored_signature_does_not_open() {
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
        // The header, with its signature, is part of the data that the tag authenticates.
        assert_eq!(section.refusal(&token), Refusal::Tag);
    }
}
