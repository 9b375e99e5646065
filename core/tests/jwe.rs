//! JWE tokens of passphrases that an attacker changed, none of which opens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::LazyLock;

use base64_simd::URL_SAFE_NO_PAD;
use common::tokens::{header_of, part, with_header, with_part};
use common::{NOW, Section};
use session_crypto_core::{HeapArena, Now, Refusal};

mod common;

const SESSION: &[u8] = b"user=joe&pw=secret&expiry=1800000000000000";
const DAY: u64 = 86_400;

/// The section of most tests. They share it because its master key takes a tenth of a
/// second.
static PLAIN: LazyLock<Section> = LazyLock::new(|| Section::new(&["secret"], &["aes-256-gcm"]));

fn text(token: &[u8]) -> String {
    String::from_utf8(token.to_vec()).unwrap()
}

#[test]
fn opens_what_it_sealed() {
    for cipher in ["aes-128-gcm", "aes-192-gcm", "aes-256-gcm"] {
        let section = Section::new(&["secret"], &[cipher]).purpose("shop");
        for length in [1, 2, 3, 15, 16, 17, 200, 3000, 512 << 10] {
            let session: Vec<u8> = (1..=255).cycle().take(length).collect();
            let token = section.seal(&session);
            assert_eq!(
                section.open(&token),
                Ok((session, false)),
                "{cipher} {length}"
            );
        }
    }
}

#[test]
fn writes_the_documented_header() {
    let section = Section::new(&["secret"], &["aes-128-gcm"]).purpose("the shop");
    let header = header_of(&section.seal(SESSION));
    let day = NOW.seconds / DAY;
    assert!(
        header.starts_with(r#"{"alg":"dir","enc":"A128GCM","kid":""#),
        "{header}"
    );
    assert!(
        header.ends_with(&format!(r#".{day}","aud":"the shop"}}"#)),
        "{header}"
    );
}

#[test]
fn refuses_every_truncation() {
    let token = PLAIN.seal(SESSION);
    for length in 0..token.len() {
        assert!(
            PLAIN.open(token.get(..length).unwrap()).is_err(),
            "{length}"
        );
        assert!(
            PLAIN.open(token.get(length + 1..).unwrap()).is_err(),
            "without {length}"
        );
    }
}

#[test]
fn refuses_every_flipped_bit() {
    let token = PLAIN.seal(SESSION);
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut flipped = token.clone();
            *flipped.get_mut(index).unwrap() ^= 1 << bit;
            assert!(PLAIN.open(&flipped).is_err(), "character {index} bit {bit}");
        }
    }
    for index in [2, 3, 4] {
        let bytes = URL_SAFE_NO_PAD.decode_to_vec(part(&token, index)).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            *flipped.get_mut(bit / 8).unwrap() ^= 1 << (bit % 8);
            let flipped = with_part(&token, index, &URL_SAFE_NO_PAD.encode_to_string(&flipped));
            assert_eq!(
                PLAIN.open(&flipped),
                Err(Refusal::Tag),
                "part {index} bit {bit}"
            );
        }
    }
}

#[test]
fn refuses_a_tag_cut_to_any_length() {
    let token = PLAIN.seal(SESSION);
    let tag = URL_SAFE_NO_PAD.decode_to_vec(part(&token, 4)).unwrap();
    for length in 0..tag.len() {
        let cut = URL_SAFE_NO_PAD.encode_to_string(tag.get(..length).unwrap());
        assert_eq!(
            PLAIN.open(&with_part(&token, 4, &cut)),
            Err(Refusal::Parts),
            "{length}"
        );
    }
    let longer = URL_SAFE_NO_PAD.encode_to_string([tag, vec![0]].concat());
    assert_eq!(
        PLAIN.open(&with_part(&token, 4, &longer)),
        Err(Refusal::Parts)
    );
}

#[test]
fn refuses_every_other_header() {
    let token = PLAIN.seal(SESSION);
    let header = header_of(&token);
    let kid = header
        .split(r#""kid":""#)
        .nth(1)
        .unwrap()
        .trim_end_matches("\"}");
    for (what, header) in [
        (
            "added",
            format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","typ":"JWE"}}"#),
        ),
        (
            "doubled",
            format!(r#"{{"alg":"dir","alg":"dir","enc":"A256GCM","kid":"{kid}"}}"#),
        ),
        (
            "white space",
            format!(r#"{{"alg":"dir", "enc":"A256GCM","kid":"{kid}"}}"#),
        ),
        ("newline", format!("{}\n", header)),
        (
            "escaped",
            format!(r#"{{"alg":"d\u0069r","enc":"A256GCM","kid":"{kid}"}}"#),
        ),
        (
            "unknown enc",
            format!(r#"{{"alg":"dir","enc":"A512GCM","kid":"{kid}"}}"#),
        ),
        (
            "other enc",
            format!(r#"{{"alg":"dir","enc":"A128GCM","kid":"{kid}"}}"#),
        ),
        (
            "CBC enc",
            format!(r#"{{"alg":"dir","enc":"A256CBC-HS512","kid":"{kid}"}}"#),
        ),
        (
            "none",
            format!(r#"{{"alg":"none","enc":"A256GCM","kid":"{kid}"}}"#),
        ),
        (
            "A256KW",
            format!(r#"{{"alg":"A256KW","enc":"A256GCM","kid":"{kid}"}}"#),
        ),
        (
            "RSA-OAEP",
            format!(r#"{{"alg":"RSA-OAEP","enc":"A256GCM","kid":"{kid}"}}"#),
        ),
        (
            "zip",
            format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","zip":"DEF"}}"#),
        ),
        (
            "crit",
            format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"{kid}","crit":["b64"]}}"#),
        ),
        ("no kid", r#"{"alg":"dir","enc":"A256GCM"}"#.to_owned()),
        (
            "no day",
            r#"{"alg":"dir","enc":"A256GCM","kid":"AAAAAAAA."}"#.to_owned(),
        ),
        (
            "long kid",
            format!(r#"{{"alg":"dir","enc":"A256GCM","kid":"A{kid}"}}"#),
        ),
        ("no object", "null".to_owned()),
        ("nothing", String::new()),
        ("binary", "\u{0}\u{7f}".to_owned()),
        ("huge", "{".repeat(10_000)),
    ] {
        assert_eq!(
            PLAIN.open(&with_header(&token, &header)),
            Err(Refusal::Header),
            "{what}"
        );
    }
}

#[test]
fn refuses_a_day_that_is_not_canonical() {
    let token = PLAIN.seal(SESSION);
    let header = header_of(&token);
    let day = (NOW.seconds / DAY).to_string();
    for other in [
        "",
        "0020833",
        "+20833",
        "-1",
        "4294967296",
        "99999999999999999999",
        "20833.0",
    ] {
        let header = header.replace(&format!(".{day}\""), &format!(".{other}\""));
        assert_eq!(
            PLAIN.open(&with_header(&token, &header)),
            Err(Refusal::Header),
            "{other}"
        );
    }
}

#[test]
fn refuses_base64url_that_is_not_canonical() {
    let token = PLAIN.seal(&[b'a'; 31]);
    for index in [0, 2, 3, 4] {
        let right = part(&token, index);
        for wrong in [
            format!("{right}="),
            format!("{right}=="),
            format!("{right} "),
            format!("{right}\n"),
            format!("{right}A"),
            right.replace(|character: char| character.is_ascii_digit(), "+"),
            right.replace(|character: char| character.is_ascii_digit(), "/"),
        ] {
            if wrong != right {
                assert!(
                    PLAIN.open(&with_part(&token, index, &wrong)).is_err(),
                    "{index} {wrong}"
                );
            }
        }
    }
    // A tag of 16 bytes and a ciphertext of 31 leave unused bits, which must be zero.
    for index in [3, 4] {
        let mut right = part(&token, index);
        let last = right.pop().unwrap();
        let alphabet = ('A'..='Z')
            .chain('a'..='z')
            .chain('0'..='9')
            .chain(['-', '_']);
        for character in alphabet.filter(|character| *character != last) {
            let wrong = format!("{right}{character}");
            assert!(
                PLAIN.open(&with_part(&token, index, &wrong)).is_err(),
                "{index} {wrong}"
            );
        }
    }
}

#[test]
fn refuses_any_number_of_parts_but_five() {
    let token = text(&PLAIN.seal(SESSION));
    let parts: Vec<&str> = token.split('.').collect();
    for parts in [
        parts.get(..4).unwrap().join("."),
        format!("{token}."),
        format!("{token}.AAAA"),
        format!(".{token}"),
        token.replacen("..", ".", 1),
        token.replacen("..", ".AAAA.", 1),
        "....".to_owned(),
        ".".to_owned(),
    ] {
        assert!(PLAIN.open(parts.as_bytes()).is_err(), "{parts}");
    }
    for index in [0, 2, 3, 4] {
        assert!(
            PLAIN.open(&with_part(token.as_bytes(), index, "")).is_err(),
            "{index}"
        );
    }
}

#[test]
fn refuses_a_format_that_the_list_does_not_name() {
    let classic = Section::new(&["secret"], &["aes256"]);
    assert_eq!(PLAIN.open(&classic.seal(SESSION)), Err(Refusal::Format));
    assert_eq!(classic.open(&PLAIN.seal(SESSION)), Err(Refusal::Format));
}

#[test]
fn refuses_an_encryption_that_the_list_does_not_name() {
    let other = Section::new(&["secret"], &["aes-128-gcm"]);
    assert_eq!(PLAIN.open(&other.seal(SESSION)), Err(Refusal::Header));
}

#[test]
fn refuses_another_purpose() {
    let shop = Section::new(&["secret"], &["aes-256-gcm"]).purpose("shop");
    let shoq = Section::new(&["secret"], &["aes-256-gcm"]).purpose("shoq");
    let token = shop.seal(SESSION);
    assert!(shop.open(&token).is_ok());
    assert_eq!(shoq.open(&token), Err(Refusal::Purpose));
    assert_eq!(PLAIN.open(&token), Err(Refusal::Purpose));
    assert_eq!(shop.open(&PLAIN.seal(SESSION)), Err(Refusal::Purpose));
}

#[test]
fn more_members_are_no_other_purpose() {
    let shop = Section::new(&["secret"], &["aes-256-gcm"]).purpose("shop");
    let token = shop.seal(SESSION);
    let audience = r#","aud":"shop"}"#;
    for members in [
        r#","x":1,"aud":"shop"}"#,
        r#","aud":"shop","x":1}"#,
        r#","x":1}"#,
        r#","aud":"shop"}}"#,
    ] {
        let header = header_of(&token).replace(audience, members);
        let refused = shop.open(&with_header(&token, &header));
        assert_eq!(refused, Err(Refusal::Header), "{members}");
    }
}

#[test]
fn refuses_another_passphrase_and_another_digest() {
    let token = Section::new(&["other"], &["aes-256-gcm"]).seal(SESSION);
    assert_eq!(PLAIN.open(&token), Err(Refusal::UnknownKey));
    let token = Section::new(&["secret"], &["aes-256-gcm"])
        .digest("SHA512")
        .seal(SESSION);
    assert_eq!(PLAIN.open(&token), Err(Refusal::UnknownKey));
}

#[test]
fn a_context_of_one_section_opens_nothing_in_another() {
    // The sections share a keyring, and so its cipher contexts.
    let (shop, blog) = Section::two(&["shop"], &["blog"], &["aes-256-gcm"]);
    let token = shop.seal(SESSION);
    for _ in 0..3 {
        assert!(shop.open(&token).is_ok());
        assert_eq!(blog.open(&token), Err(Refusal::UnknownKey));
    }
}

#[test]
fn opens_the_tokens_of_any_day_even_after_tokens_with_a_wrong_day() {
    for days in [-20_000_i64, -1, 0, 1, 300, 1_000_000] {
        let now = NOW.seconds.saturating_add_signed(days * 86_400);
        let sealed = PLAIN
            .sealer()
            .seal(
                SESSION,
                Now {
                    seconds: now,
                    ..NOW
                },
                &HeapArena,
            )
            .unwrap();
        let token = sealed.token.to_bytes();
        // Only the passphrase and the cipher make a token stale, not the day.
        assert_eq!(PLAIN.open(token), Ok((SESSION.to_vec(), false)), "{days}");
    }
    let token = PLAIN.seal(SESSION);
    let header = header_of(&token);
    let day = (NOW.seconds / DAY).to_string();
    for other in 0..1000 {
        let header = header.replace(&format!(".{day}\""), &format!(".{other}\""));
        assert_eq!(
            PLAIN.open(&with_header(&token, &header)),
            Err(Refusal::Tag),
            "{other}"
        );
    }
    assert!(PLAIN.open(&token).is_ok());
}

#[test]
fn opens_under_any_passphrase_and_any_cipher_of_the_list() {
    let old = Section::new(&["old"], &["aes256"]);
    let new = Section::new(&["new", "old"], &["aes-256-gcm", "aes-128-gcm", "aes256"]);
    for (passphrase, cipher, stale) in [
        ("new", "aes-256-gcm", false),
        ("old", "aes-256-gcm", true),
        ("new", "aes-128-gcm", true),
        ("new", "aes256", true),
        ("old", "aes256", true),
    ] {
        let token = Section::new(&[passphrase], &[cipher]).seal(SESSION);
        let opened = new.open(&token);
        assert_eq!(
            opened,
            Ok((SESSION.to_vec(), stale)),
            "{passphrase} {cipher}"
        );
    }
    assert_eq!(new.open(&old.seal(SESSION)), Ok((SESSION.to_vec(), true)));
}

#[test]
fn no_message_repeats_the_token() {
    let token = PLAIN.seal(SESSION);
    let header = r#"{"alg":"dir","enc":"SECRET"}"#;
    let refusal = PLAIN.open(&with_header(&token, header)).unwrap_err();
    assert!(!refusal.to_string().contains("SECRET"), "{refusal}");
}
