//! Tokens with a certificate: those that open, and those that an attacker changed.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::ops::Range;

use base64_simd::URL_SAFE_NO_PAD;
use common::certified::{CERTIFICATES, GCM, SESSION, sections};
use common::tokens::{header_of, part, parts, with_header, with_part};
use common::{NOW, Section, certificate};
use openssl::sha::sha256;
use openssl::x509::X509;
use session_crypto_core::{HeapArena, OpenError, Refusal, SealError};

mod common;

fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode_to_vec(text).unwrap()
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// The value of a member whose value is a text.
fn member<'h>(header: &'h str, name: &str) -> &'h str {
    let (_, rest) = header.split_once(&format!(r#""{name}":""#)).unwrap();
    rest.split_once('"').unwrap().0
}

/// Other base64url texts of the same bytes: the last character differs only in bits that
/// belong to no byte.
fn respelled(text: &str) -> Vec<String> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let unused = match text.len() % 4 {
        2 => 4,
        3 => 2,
        _ => 0,
    };
    let mut start: Vec<char> = text.chars().collect();
    let last = start.pop().unwrap();
    let index = ALPHABET.chars().position(|other| other == last).unwrap();
    let with = |bits: usize| {
        let last = ALPHABET.chars().nth(index ^ bits).unwrap();
        start.iter().chain([&last]).collect()
    };
    (1..1 << unused).map(with).collect()
}

#[test]
fn opens_what_it_sealed() {
    for name in CERTIFICATES {
        for cipher in ["aes-128-gcm", "aes-192-gcm", "aes-256-gcm"] {
            let section = Section::certified(&[name], &[cipher]).purpose("shop");
            for length in [1, 2, 3, 15, 16, 17, 200, 3000, 512 << 10] {
                let session: Vec<u8> = (1..=255).cycle().take(length).collect();
                let token = section.seal(&session);
                assert_eq!(
                    section.open(&token),
                    Ok((session, false)),
                    "{name} {cipher} {length}"
                );
            }
        }
    }
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        assert_eq!(
            section.open(&token),
            Ok((SESSION.to_vec(), false)),
            "{name}"
        );
    }
}

#[test]
fn writes_the_documented_header() {
    for (name, alg, epk) in [
        ("rsa-2048", "RSA-OAEP-256", None),
        ("p-256", "ECDH-ES+A256KW", Some(("P-256", 32))),
        ("p-384", "ECDH-ES+A256KW", Some(("P-384", 48))),
        ("p-521", "ECDH-ES+A256KW", Some(("P-521", 66))),
    ] {
        let pem = std::fs::read(certificate(name)).unwrap();
        let der = X509::from_pem(&pem).unwrap().to_der().unwrap();
        let kid = encode(sha256(&der));
        for purpose in [None, Some("the shop")] {
            let mut section = Section::certified(&[name], GCM);
            let mut expected = format!(r#"{{"alg":"{alg}","enc":"A256GCM","kid":"{kid}""#);
            if let Some(purpose) = purpose {
                section = section.purpose(purpose);
                expected.push_str(&format!(r#","aud":"{purpose}""#));
            }
            let header = header_of(&section.seal(SESSION));
            let mut length = 256;
            if let Some((crv, coordinate)) = epk {
                let [x, y] = ["x", "y"].map(|name| member(&header, name));
                expected.push_str(&format!(
                    r#","epk":{{"kty":"EC","crv":"{crv}","x":"{x}","y":"{y}"}}"#
                ));
                assert_eq!(
                    [x, y].map(|text| decode(text).len()),
                    [coordinate; 2],
                    "{name}"
                );
                length = 2 * coordinate;
            }
            let sig = member(&header, "sig");
            expected.push_str(&format!(r#","sig":"{sig}"}}"#));
            assert_eq!(header, expected);
            assert_eq!(decode(sig).len(), length, "{name}");
        }
    }
    let section = Section::certified(&["rsa-2048"], &["aes-128-gcm"]).digest("SHA");
    let header = header_of(&section.seal(SESSION));
    assert!(
        header.starts_with(r#"{"alg":"RSA-OAEP","enc":"A128GCM","kid":""#),
        "{header}"
    );
}

#[test]
fn refuses_every_truncation() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        section.open(&token).unwrap();
        let header = part(&token, 0).len();
        for length in 0..token.len() {
            let expected = if length <= header {
                Refusal::Format
            } else {
                Refusal::Parts
            };
            let cut = token.get(..length).unwrap();
            assert_eq!(section.open(cut), Err(expected), "{name} {length}");
            let rest = section.open(token.get(length + 1..).unwrap());
            assert!(rest.is_err(), "{name} without {length}");
        }
    }
}

#[test]
fn refuses_every_flipped_bit_of_the_text() {
    for name in ["rsa-2048", "p-256"] {
        let section = Section::certified(&[name], GCM);
        let token = section.seal(SESSION);
        for is_known in [false, true] {
            for index in 0..token.len() {
                for bit in 0..8 {
                    let mut flipped = token.clone();
                    *flipped.get_mut(index).unwrap() ^= 1 << bit;
                    assert!(
                        section.open(&flipped).is_err(),
                        "{name} character {index} bit {bit}"
                    );
                }
            }
            assert!(section.open(&token).is_ok(), "{name} {is_known}");
        }
    }
}

#[test]
fn refuses_every_flipped_bit_of_a_part() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        section.open(&token).unwrap();
        for (index, refusal) in [
            (1, Refusal::Signature),
            (2, Refusal::Tag),
            (3, Refusal::Tag),
            (4, Refusal::Tag),
        ] {
            let bytes = decode(&part(&token, index));
            // Only every fifth bit of a signed part: each takes a verification.
            let step = if refusal == Refusal::Signature { 5 } else { 1 };
            for bit in (0..bytes.len() * 8).step_by(step) {
                let mut flipped = bytes.clone();
                *flipped.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
                let flipped = with_part(&token, index, &encode(&flipped));
                assert_eq!(
                    section.open(&flipped),
                    Err(refusal),
                    "{name} part {index} bit {bit}"
                );
            }
        }
    }
}

#[test]
fn refuses_a_flipped_bit_of_every_character_of_the_header() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        section.open(&token).unwrap();
        let header = header_of(&token);
        let range = |value: &str| {
            let start = header.find(value).unwrap();
            start..start + value.len()
        };
        let values = |names: &[&str]| -> Vec<_> {
            let present = names
                .iter()
                .filter(|name| header.contains(&format!(r#""{name}":"#)));
            present.map(|name| range(member(&header, name))).collect()
        };
        let (kid, sig, point) = (values(&["kid"]), values(&["sig"]), values(&["x", "y"]));
        for index in 0..header.len() {
            // Only one bit of each character: each takes a verification.
            let mut flipped = header.clone().into_bytes();
            *flipped.get_mut(index).unwrap() ^= 1 << (index % 8);
            let opened = section.open(&with_part(&token, 0, &encode(&flipped)));
            let within =
                |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&index));
            let is_plain = matches!(flipped.get(index), Some(b' '..=b'~'))
                && !matches!(flipped.get(index), Some(b'"' | b'\\'));
            let expected: &[Refusal] = if within(&sig) && is_plain {
                &[Refusal::Signature]
            } else if within(&kid) {
                &[Refusal::UnknownCertificate, Refusal::Header]
            } else if within(&point) {
                &[Refusal::Signature, Refusal::Header]
            } else {
                &[Refusal::Header]
            };
            let refusal = opened.unwrap_err();
            assert!(expected.contains(&refusal), "{name} {index}: {refusal:?}");
        }
    }
}

#[test]
fn refuses_a_part_that_is_too_long() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        for index in 0..5 {
            let right = part(&token, index);
            let longer = encode([decode(&right), vec![0]].concat());
            let expected = match index {
                0 => Refusal::Header,
                1 => Refusal::EncryptedKey,
                2 | 4 => Refusal::Parts,
                _ => Refusal::Tag,
            };
            let opened = section.open(&with_part(&token, index, &longer));
            assert_eq!(opened, Err(expected), "{name} {index}");
            let huge = "A".repeat(1 << 20);
            let opened = section.open(&with_part(&token, index, &huge));
            assert_eq!(opened, Err(Refusal::TooLong), "{name} {index}");
            let large = "A".repeat(1_000_000);
            assert!(section.open(&with_part(&token, index, &large)).is_err());
        }
    }
}

#[test]
fn refuses_base64url_that_is_not_canonical() {
    for (name, section) in sections() {
        // Every part that can have unused bits has some in this token.
        let token = section.seal(&[b'a'; 31]);
        section.open(&token).unwrap();
        for (index, refusal) in [
            (0, Refusal::Encoding),
            (1, Refusal::Encoding),
            (3, Refusal::Encoding),
            (4, Refusal::Encoding),
        ] {
            let right = part(&token, index);
            for wrong in respelled(&right) {
                let opened = section.open(&with_part(&token, index, &wrong));
                assert_eq!(opened, Err(refusal), "{name} {index}");
            }
            for wrong in ["=", "==", " ", "\n", "A", "+", "/", "\0"] {
                let wrong = with_part(&token, index, &format!("{right}{wrong}"));
                assert!(section.open(&wrong).is_err(), "{name} {index}");
            }
        }
        let header = header_of(&token);
        for (value, refusal) in [("kid", Refusal::Header), ("sig", Refusal::Signature)] {
            let right = member(&header, value);
            for wrong in respelled(right) {
                let opened = section.open(&with_header(&token, &header.replace(right, &wrong)));
                assert_eq!(opened, Err(refusal), "{name} {value}");
            }
        }
    }
}

#[test]
fn refuses_any_number_of_parts_but_five() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        let all = parts(&token);
        let text = all.join(".");
        for wrong in [
            all.get(..4).unwrap().join("."),
            all.get(1..).unwrap().join("."),
            format!("{text}."),
            format!("{text}.AAAA"),
            format!(".{text}"),
            "....".to_owned(),
            ".".to_owned(),
        ] {
            assert!(section.open(wrong.as_bytes()).is_err(), "{name} {wrong}");
        }
        for index in 0..5 {
            assert!(
                section.open(&with_part(&token, index, "")).is_err(),
                "{name} {index}"
            );
        }
        assert_eq!(
            section.open(&with_part(&token, 1, "")),
            Err(Refusal::EncryptedKey),
            "{name}"
        );
    }
}

#[test]
fn refuses_a_header_that_it_would_not_write() {
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        let header = header_of(&token);
        let kid = member(&header, "kid");
        for (what, wrong) in [
            ("a space", header.replacen(',', ", ", 1)),
            ("a newline", format!("{header}\n")),
            ("crit", header.replacen('{', r#"{"crit":[],"#, 1)),
            ("zip", header.replace(r#","sig""#, r#","zip":"DEF","sig""#)),
            ("a second sig", header.replace('}', r#","sig":"AAAA"}"#)),
            (
                "x5c",
                header.replace(&format!(r#""{kid}""#), &format!(r#""{kid}","x5c":[]"#)),
            ),
            ("an escape", header.replacen("alg", r"\u0061lg", 1)),
            (
                "dir",
                format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}"}}"#),
            ),
            ("no object", "null".to_owned()),
            ("nothing", String::new()),
            ("binary", "\0\x7f".to_owned()),
            ("huge", "{".repeat(10_000)),
        ] {
            let refusal = section.open(&with_header(&token, &wrong)).unwrap_err();
            let expected = [Refusal::Header, Refusal::Signature];
            assert!(expected.contains(&refusal), "{name}, {what}: {refusal:?}");
        }
    }
}

#[test]
fn refuses_the_token_of_another_certificate() {
    for (mine, section) in sections() {
        for other in CERTIFICATES
            .into_iter()
            .filter(|other| !mine.starts_with(other))
        {
            let refusal = section
                .open(&Section::certified(&[other], GCM).seal(SESSION))
                .unwrap_err();
            let expected = [Refusal::UnknownCertificate, Refusal::Header];
            assert!(expected.contains(&refusal), "{mine} {other}: {refusal:?}");
        }
    }
    let (one, other) = (
        Section::certified(&["p-256"], GCM),
        Section::certified(&["p-384"], GCM),
    );
    assert_eq!(
        one.open(&other.seal(SESSION)),
        Err(Refusal::UnknownCertificate)
    );
}

#[test]
fn a_context_of_one_section_opens_nothing_in_another() {
    // The sections share a keyring, and so its cipher contexts.
    let shop = Section::certified(&["p-256"], GCM);
    let blog = shop.certified_beside(&["p-384"], GCM);
    let token = shop.seal(SESSION);
    for _ in 0..3 {
        assert!(shop.open(&token).is_ok());
        assert_eq!(blog.open(&token), Err(Refusal::UnknownCertificate));
    }
    let named = shop.certified_beside(&["p-256"], GCM).purpose("blog");
    assert_eq!(named.open(&token), Err(Refusal::Purpose));
    let shorter = shop.certified_beside(&["p-256"], &["aes-128-gcm"]);
    assert_eq!(shorter.open(&token), Err(Refusal::Header));
}

#[test]
fn refuses_the_tokens_of_sections_with_passphrases() {
    let passphrase = Section::new(&["secret"], GCM);
    let classic = Section::new(&["secret"], &["aes256"]);
    for (name, section) in sections() {
        let token = section.seal(SESSION);
        assert_eq!(passphrase.open(&token), Err(Refusal::Header), "{name}");
        assert_eq!(classic.open(&token), Err(Refusal::Format), "{name}");
        assert_eq!(
            section.open(&passphrase.seal(SESSION)),
            Err(Refusal::Header),
            "{name}"
        );
        assert_eq!(
            section.open(&classic.seal(SESSION)),
            Err(Refusal::Format),
            "{name}"
        );
    }
}

#[test]
fn refuses_another_purpose() {
    for name in CERTIFICATES {
        let plain = Section::certified(&[name], GCM);
        let [shop, shoq, shops] = ["shop", "shoq", "shops"]
            .map(|purpose| Section::certified(&[name], GCM).purpose(purpose));
        let token = shop.seal(SESSION);
        assert!(shop.open(&token).is_ok());
        for other in [&shoq, &shops, &plain] {
            assert_eq!(other.open(&token), Err(Refusal::Purpose), "{name}");
            assert_eq!(
                shop.open(&other.seal(SESSION)),
                Err(Refusal::Purpose),
                "{name}"
            );
        }
    }
}

#[test]
fn the_digest_matters_for_rsa_only() {
    let sha256 = Section::certified(&["rsa-2048"], GCM);
    let sha1 = Section::certified(&["rsa-2048"], GCM).digest("SHA");
    assert_eq!(sha256.open(&sha1.seal(SESSION)), Err(Refusal::Header));
    assert_eq!(sha1.open(&sha256.seal(SESSION)), Err(Refusal::Header));
    let sha512 = Section::certified(&["rsa-2048"], GCM).digest("SHA512");
    let sealed = sha512.sealer().seal(SESSION, NOW, &HeapArena);
    assert!(matches!(sealed.map(|_| ()), Err(SealError::NoKey)));
    assert!(sha512.open(&sha256.seal(SESSION)).is_err());

    let curve = Section::certified(&["p-256"], GCM);
    for digest in ["SHA", "SHA256", "SHA512"] {
        let other = Section::certified(&["p-256"], GCM).digest(digest);
        assert_eq!(
            other.open(&curve.seal(SESSION)),
            Ok((SESSION.to_vec(), false)),
            "{digest}"
        );
    }
}

#[test]
fn opens_under_any_certificate_and_any_cipher_of_the_list() {
    let ciphers = ["aes-256-gcm", "aes-128-gcm"];
    for names in [
        CERTIFICATES,
        ["p-521", "p-384", "p-256", "rsa-3072", "rsa-2048"],
        ["p-384", "rsa-2048", "p-521", "rsa-3072", "p-256"],
    ] {
        let section = Section::certified(&names, &ciphers);
        for (index, name) in names.iter().enumerate() {
            for cipher in ciphers {
                let token = Section::certified(&[name], &[cipher]).seal(SESSION);
                let stale = (index, cipher) != (0, "aes-256-gcm");
                // The first time decrypts the content key, and the second finds it.
                for _ in 0..2 {
                    let opened = section.open(&token);
                    assert_eq!(opened, Ok((SESSION.to_vec(), stale)), "{name} of {names:?}");
                }
            }
        }
    }
}

#[test]
fn no_message_repeats_the_token() {
    for (_, section) in sections() {
        let token = section.seal(SESSION);
        let header = header_of(&token);
        for wrong in [
            r#"{"alg":"SECRET"}"#.to_owned(),
            header.replace(member(&header, "sig"), "SECRET"),
            header.replace(member(&header, "kid"), "SECRET"),
        ] {
            let opened = section
                .sealer()
                .open(&with_header(&token, &wrong), NOW, &HeapArena);
            let Err(OpenError::Refused(refusal)) = opened else {
                unreachable!("it opens")
            };
            assert!(!refusal.to_string().contains("SECRET"), "{refusal}");
        }
    }
}
