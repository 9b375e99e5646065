//! Proofs of devices: those of OpenSSL and of other libraries, and what is no proof.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::panic,
    reason = "a test that cannot go on stops"
)]

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use base64_simd::URL_SAFE_NO_PAD;
use common::devices::{BASE64URL, Device, payload, unsigned};
use openssl::nid::Nid;
use session_crypto_core::{DeviceKey, Proof, ProofError, ProofFlaw};

mod common;

const CHALLENGE: &str = "eyJhbGciOiJkaXIifQ..AAECAwQFBgcICQoL.c2VhbGVk.OCpFbjjFMdXts-aQ3Lvrbw";

/// The key that a proof registers and the challenge that it signs, once it is verified.
fn register(proof: &str) -> Result<(DeviceKey, String), ProofFlaw> {
    let (proof, key) = Proof::of_registration(proof.as_bytes())?;
    verify(&proof, &key)?;
    let challenge = proof.challenge().to_owned();
    Ok((key, challenge))
}

/// The challenge that a proof signs, once it is verified with the key of a device.
fn refresh(proof: &str, key: &DeviceKey) -> Result<String, ProofFlaw> {
    let proof = Proof::of_refresh(proof.as_bytes())?;
    verify(&proof, key)?;
    Ok(proof.challenge().to_owned())
}

fn verify(proof: &Proof<'_>, key: &DeviceKey) -> Result<(), ProofFlaw> {
    proof.verify(key).map_err(|error| match error {
        ProofError::Refused(flaw) => flaw,
        ProofError::Library(error) => panic!("{error}"),
    })
}

#[test]
fn a_device_registers_and_refreshes() {
    for device in [Device::p256(), Device::rsa()] {
        let (key, challenge) = register(&device.registration(CHALLENGE)).unwrap();
        assert_eq!(key, device.key());
        assert_eq!(challenge, CHALLENGE);
        let proof = device.refresh(CHALLENGE);
        assert_eq!(refresh(&proof, &key).unwrap(), CHALLENGE);
        let quoted = format!("\"{proof}\"");
        assert_eq!(refresh(&quoted, &key).unwrap(), CHALLENGE);
    }
}

/// Lengths that were seen from Chromium 156.
#[test]
fn the_devices_of_these_tests_write_as_much_as_chromium() {
    let device = Device::p256();
    let challenge = "c".repeat(90);
    assert_eq!(device.registration(&challenge).len(), 442);
    assert_eq!(device.refresh(&challenge).len(), 265);
}

#[test]
fn the_key_of_another_device_does_not_verify_a_proof() {
    let (device, thief) = (Device::p256(), Device::p256());
    let proof = thief.refresh(CHALLENGE);
    assert_eq!(refresh(&proof, &device.key()), Err(ProofFlaw::Signature));
    // The key in a proof of a refresh does not count.
    let proof = thief.registration(CHALLENGE);
    assert_eq!(refresh(&proof, &device.key()), Err(ProofFlaw::Signature));
    let header = format!(
        r#"{{"alg":"ES256","jwk":{},"typ":"dbsc+jwt"}}"#,
        device.jwk()
    );
    let proof = thief.proof(&header, &payload(CHALLENGE));
    assert_eq!(register(&proof), Err(ProofFlaw::Signature));
}

#[test]
fn the_algorithm_is_that_of_the_key() {
    let (ec, rsa) = (Device::p256(), Device::rsa());
    let header = |algorithm: &str, jwk: &str| {
        format!(r#"{{"alg":"{algorithm}","jwk":{jwk},"typ":"dbsc+jwt"}}"#)
    };
    for (device, other) in [(&ec, &rsa), (&rsa, &ec)] {
        let proof = device.proof(&header(other.algorithm(), &device.jwk()), &payload("c"));
        assert_eq!(register(&proof), Err(ProofFlaw::Algorithm));
        assert_eq!(refresh(&proof, &device.key()), Err(ProofFlaw::Algorithm));
        assert_eq!(refresh(&proof, &other.key()), Err(ProofFlaw::Signature));
        for none in ["none", "NONE", "", "HS256", "ES384", "PS256", "RS1"] {
            let header = header(none, &device.jwk());
            let text = payload("c");
            for proof in [
                device.proof(&header, &text),
                format!("{}.", unsigned(&header, &text)),
            ] {
                assert_eq!(register(&proof), Err(ProofFlaw::Algorithm), "{none}");
                assert_eq!(refresh(&proof, &device.key()), Err(ProofFlaw::Algorithm));
            }
        }
    }
}

#[test]
fn a_proof_without_a_signature_is_none() {
    for device in [Device::p256(), Device::rsa()] {
        let proof = device.refresh(CHALLENGE);
        let (unsigned, _) = proof.rsplit_once('.').unwrap();
        for signature in ["", "AA", &"A".repeat(86), &"A".repeat(342), &"_".repeat(85)] {
            let proof = format!("{unsigned}.{signature}");
            let refused = refresh(&proof, &device.key()).unwrap_err();
            assert!(
                matches!(refused, ProofFlaw::Signature | ProofFlaw::Encoding),
                "{refused:?}"
            );
        }
    }
}

#[test]
fn a_point_of_another_curve_is_no_key() {
    let device = Device::on(Nid::SECP256K1);
    let refused = register(&device.registration(CHALLENGE)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "its key cannot be used: its point is not on P-256"
    );
}

/// Each proof with one character less, one more, or another one.
#[test]
fn a_changed_proof_is_refused() {
    for device in [Device::p256(), Device::rsa()] {
        let key = device.key();
        for proof in [device.refresh(CHALLENGE), device.registration(CHALLENGE)] {
            let is_registration = proof.len() > device.refresh(CHALLENGE).len();
            let check = |changed: &[u8], at: usize| {
                let changed = String::from_utf8_lossy(changed);
                assert!(refresh(&changed, &key).is_err(), "at {at}: {changed}");
                if is_registration {
                    assert!(register(&changed).is_err(), "at {at}: {changed}");
                }
            };
            let bytes = proof.as_bytes();
            for at in 0..bytes.len() {
                check(&bytes[..at], at);
                let mut changed = bytes.to_vec();
                changed.remove(at);
                check(&changed, at);
                let mut changed = bytes.to_vec();
                changed.insert(at, bytes[at]);
                check(&changed, at);
                let next = BASE64URL[(at + 17) % 64];
                for other in [bytes[at] ^ 1, bytes[at] ^ 0x80, next, b'.'] {
                    if other != bytes[at] {
                        let mut changed = bytes.to_vec();
                        changed[at] = other;
                        check(&changed, at);
                    }
                }
            }
            check(&[bytes, b"A"].concat(), bytes.len());
        }
    }
}

/// Pieces of proofs, put together at random but always in the same way.
#[test]
fn no_mixture_of_pieces_is_a_proof() {
    let device = Device::p256();
    let key = device.key();
    let sources = [
        device.refresh(CHALLENGE),
        device.registration(CHALLENGE),
        Device::p256().registration("other"),
        format!("\"{}\"", Device::rsa().refresh("other")),
        "{\"alg\":\"ES256\",\"typ\":\"dbsc+jwt\"}.\"\\\u{0}\u{ff}==".to_owned(),
    ];
    let good = [&sources[0], &sources[1]];
    let mut random = Generator(0x5eed);
    let (mut read, mut verified) = (0, 0);
    for _ in 0..20_000 {
        let mut text = sources[random.below(4)].clone().into_bytes();
        for _ in 0..=random.below(3) {
            random.change(&mut text, &sources);
        }
        let changed = String::from_utf8_lossy(&text).into_owned();
        let bare = changed.trim_matches([' ', '\t', '"']);
        let is_whole = good.iter().any(|proof| *proof == bare);
        read += usize::from(Proof::of_refresh(&text).is_ok());
        let outcome = refresh(&changed, &key);
        verified += usize::from(outcome.is_ok());
        assert!(outcome.is_err() || is_whole, "{changed}");
        if let Ok((registered, challenge)) = register(&changed) {
            // Only whole proofs of other devices are left.
            let signed = sources[1..3].iter().any(|proof| proof == bare);
            assert!(signed, "{changed}");
            assert!(registered == key || challenge == "other");
        }
        let _ = DeviceKey::from_jwk(&text);
    }
    assert!(read > 500, "{read} of the texts were read");
    assert!(verified < 500, "{verified} of the texts were left whole");
}

/// Decoded headers and payloads that are changed at random, and then signed: whatever is
/// read of them must be what another reader of JSON finds there.
#[test]
fn a_signed_text_of_any_kind_does_no_harm() {
    let device = Device::p256();
    let jwk = device.jwk();
    let header = format!(r#"{{"alg":"ES256","jwk":{jwk},"typ":"dbsc+jwt","crit":["b64"]}}"#);
    let sources = [
        header.clone(),
        header.replace(r#","crit":["b64"]"#, ""),
        payload(CHALLENGE),
        r#"[[{"a":1e999,"\u0061":-0.0}],null,true,"\ud800"]"#.to_owned(),
    ];
    let mut random = Generator(0xfeed);
    let mut registered = 0;
    for _ in 0..4_000 {
        let mut texts = [1, 2].map(|number: usize| sources[number].clone().into_bytes());
        let which = random.below(2);
        for _ in 0..=random.below(2) {
            random.change(&mut texts[which], &sources);
        }
        let encode = |text: &[u8]| URL_SAFE_NO_PAD.encode_to_string(text);
        let proof = format!(
            "{}.{}.{}",
            encode(&texts[0]),
            encode(&texts[1]),
            "A".repeat(86)
        );
        let Ok((proof, key)) = Proof::of_registration(proof.as_bytes()) else {
            continue;
        };
        registered += 1;
        let header: serde_json::Value = serde_json::from_slice(&texts[0]).unwrap();
        let payload: serde_json::Value = serde_json::from_slice(&texts[1]).unwrap();
        assert_eq!(payload["jti"], proof.challenge());
        assert_eq!(header["typ"], "dbsc+jwt");
        let jwk = header["jwk"].to_string();
        assert_eq!(DeviceKey::from_jwk(jwk.as_bytes()), Ok(key));
    }
    assert!(registered > 100, "{registered} proofs were read");
}

/// Numbers that look random, and are the same in each run (xorshift64).
struct Generator(u64);

impl Generator {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % limit
    }

    /// Changes one piece of a text.
    fn change(&mut self, text: &mut Vec<u8>, sources: &[String]) {
        let at = self.below(text.len() + 1);
        let end = at + self.below(text.len() - at + 1);
        let source = sources[self.below(sources.len())].as_bytes();
        let from = self.below(source.len());
        let to = from + self.below(source.len() - from);
        match self.below(6) {
            0 => text.truncate(at.max(1)),
            1 => drop(text.drain(at..end.min(at + 4))),
            2 => drop(text.splice(at..end, source[from..to].iter().copied())),
            3 => text.insert(at, source[from]),
            4 => text.insert(at, u8::try_from(self.below(256)).unwrap()),
            _ => {
                if let Some(byte) = text.get_mut(at) {
                    *byte ^= 1 << self.below(8);
                }
            }
        }
        text.truncate(8_000);
        if text.is_empty() {
            text.push(b'.');
        }
    }
}

#[test]
fn vectors_of_other_libraries_have_the_outcome_that_they_state() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/device");
    let mut count = 0;
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let lines = text.lines().map(|line| line.split_once(": ").unwrap());
        let vector: HashMap<_, _> = lines.collect();
        let name = format!("{} of {}", vector["use"], vector["source"]);
        let jwk = vector["jwk"].as_bytes();
        let outcome = if vector["use"] == "refresh" {
            let key = DeviceKey::from_jwk(jwk).unwrap();
            refresh(vector["proof"], &key).map(|challenge| (key, challenge))
        } else {
            register(vector["proof"])
        };
        match outcome {
            Ok((key, challenge)) => {
                assert_eq!(vector["outcome"], "verified", "{name}");
                assert_eq!(challenge, vector["challenge"], "{name}");
                assert_eq!(key.thumbprint().to_string(), vector["thumbprint"], "{name}");
                assert_eq!(DeviceKey::from_jwk(jwk), Ok(key));
            }
            Err(flaw) => assert_eq!(vector["outcome"], flaw.label(), "{name}"),
        }
        count += 1;
    }
    assert!(count >= 20, "{count} vectors");
}
