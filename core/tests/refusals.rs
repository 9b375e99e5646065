//! Classic tokens that an attacker changed, none of which opens.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use base64_simd::STANDARD;
use common::{NOW, Section};
use session_crypto_core::{HeapArena, Refusal};

mod common;

/// The documented limit of a session, in bytes.
const MAX_SESSION: usize = 512 << 10;

/// The documented limit of a token, in characters.
const MAX_TOKEN: usize = 1 << 20;

const SESSION: &[u8] = b"user=joe&pw=secret&expiry=1800000000000000";

fn plain() -> Section {
    Section::new(&["secret"], &["aes256"])
}

#[test]
fn opens_what_it_sealed() {
    for cipher in ["3des192", "aes128", "aes192", "aes256", "camellia-256-cbc"] {
        for length in [0, 1, 7, 8, 15, 16, 17, 31, 32, 1000, 3000, MAX_SESSION] {
            let section = Section::new(&["secret"], &[cipher]).digest("SHA256");
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
fn refuses_to_seal_a_session_too_large() {
    let section = plain();
    let session = vec![b'a'; MAX_SESSION + 1];
    assert!(section.sealer().seal(&session, NOW, &HeapArena).is_err());
}

#[test]
fn refuses_every_truncation() {
    let section = plain();
    let token = section.seal(SESSION);
    for length in 0..token.len() {
        assert!(section.open(&token[..length]).is_err(), "{length}");
    }
    let raw = STANDARD.decode_to_vec(&token).unwrap();
    for length in 0..raw.len() {
        let short = STANDARD.encode_to_string(&raw[..length]);
        assert!(section.open(short.as_bytes()).is_err(), "{length} bytes");
    }
}

#[test]
fn refuses_every_flipped_bit() {
    let section = plain();
    let token = section.seal(SESSION);
    for index in 0..token.len() {
        for bit in 0..8 {
            let mut flipped = token.clone();
            flipped[index] ^= 1 << bit;
            assert!(
                section.open(&flipped).is_err(),
                "character {index} bit {bit}"
            );
        }
    }
    let raw = STANDARD.decode_to_vec(&token).unwrap();
    for index in 0..raw.len() {
        for bit in 0..8 {
            let mut flipped = raw.clone();
            flipped[index] ^= 1 << bit;
            let flipped = STANDARD.encode_to_string(&flipped);
            assert_eq!(section.open(flipped.as_bytes()), Err(Refusal::NotAuthentic));
        }
    }
}

#[test]
fn refuses_every_added_byte() {
    let section = plain();
    let token = section.seal(SESSION);
    for byte in 0..=255 {
        let mut longer = token.clone();
        longer.push(byte);
        assert!(section.open(&longer).is_err(), "{byte} after it");
        longer.rotate_right(1);
        assert!(section.open(&longer).is_err(), "{byte} before it");
    }
    let mut raw = STANDARD.decode_to_vec(&token).unwrap();
    raw.extend([0; 16]);
    assert_eq!(
        section.open(STANDARD.encode_to_string(&raw).as_bytes()),
        Err(Refusal::NotAuthentic)
    );
}

#[test]
fn refuses_base64_that_is_not_canonical() {
    let section = plain();
    // The token of 83 bytes of session ends in "==", with four unused bits.
    let mut token = section.seal(&[b'a'; 83]);
    let last = token.iter().rposition(|&byte| byte != b'=').unwrap();
    assert_eq!(token.len() - last, 3, "two characters of padding");
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let right = token[last];
    for &character in alphabet.iter().filter(|&&character| character != right) {
        token[last] = character;
        assert!(section.open(&token).is_err());
    }
    token[last] = right;
    assert!(section.open(&token).is_ok());
    assert_eq!(
        section.open(&token[..=last]),
        Err(Refusal::Encoding),
        "without padding"
    );
    assert_eq!(
        section.open(&token[..token.len() - 1]),
        Err(Refusal::Encoding),
        "half padding"
    );
}

#[test]
fn refuses_the_alphabet_of_base64url() {
    let section = plain();
    let mut tried = 0;
    while tried < 16 {
        let token = section.seal(SESSION);
        let other: Vec<u8> = token
            .iter()
            .map(|&byte| match byte {
                b'+' => b'-',
                b'/' => b'_',
                byte => byte,
            })
            .collect();
        if other != token {
            assert_eq!(section.open(&other), Err(Refusal::Encoding));
            tried += 1;
        }
    }
}

#[test]
fn refuses_white_space_and_binary() {
    let section = plain();
    let token = section.seal(SESSION);
    for index in 0..=token.len() {
        for byte in [b' ', b'\n', b'\r', b'\t', 0, 0xff] {
            let mut longer = token.clone();
            longer.insert(index, byte);
            assert_eq!(section.open(&longer), Err(Refusal::Encoding));
        }
    }
    let binary: Vec<u8> = (0..=255).filter(|byte| *byte != b'.').collect();
    assert_eq!(section.open(&binary), Err(Refusal::Encoding));
}

#[test]
fn refuses_the_empty_token_and_the_huge_one() {
    let section = plain();
    assert_eq!(section.open(b""), Err(Refusal::TooShort));
    assert_eq!(
        section.open(&vec![b'A'; MAX_TOKEN]),
        Err(Refusal::NotAuthentic)
    );
    assert_eq!(
        section.open(&vec![b'A'; MAX_TOKEN + 1]),
        Err(Refusal::TooLong)
    );
    assert_eq!(section.open(&vec![b'A'; 8 << 20]), Err(Refusal::TooLong));
}

#[test]
fn refuses_another_passphrase() {
    let token = Section::new(&["other"], &["aes256"]).seal(SESSION);
    assert_eq!(plain().open(&token), Err(Refusal::NotAuthentic));
}

#[test]
fn refuses_another_cipher_and_another_digest() {
    for (cipher, digest) in [
        ("aes128", "SHA"),
        ("aes192", "SHA"),
        ("3des192", "SHA"),
        ("aes256", "SHA256"),
    ] {
        // A wrong key leaves a valid padding once in 256 times. The bytes before it are
        // no session, but nothing shows that.
        let refused = (0..64)
            .filter(|_| {
                let token = Section::new(&["secret"], &[cipher])
                    .digest(digest)
                    .seal(SESSION);
                match plain().open(&token) {
                    Err(Refusal::OtherAlgorithm) => true,
                    Ok((session, _)) => {
                        assert_ne!(session, SESSION);
                        false
                    }
                    Err(refusal) => unreachable!("{refusal}"),
                }
            })
            .count();
        assert!(refused > 55, "{cipher} {digest}: {refused} of 64");
    }
}

#[test]
fn opens_under_any_passphrase_and_any_cipher_of_the_list() {
    let section = Section::new(&["new", "old", "oldest"], &["aes256", "aes128", "3des192"]);
    for (passphrase, cipher, stale) in [
        ("new", "aes256", false),
        ("old", "aes256", true),
        ("oldest", "aes256", true),
        ("new", "aes128", true),
        ("new", "3des192", true),
        ("oldest", "3des192", true),
    ] {
        // In some of 40 rounds, a wrong cipher's padding is right by chance.
        for _ in 0..40 {
            let token = Section::new(&[passphrase], &[cipher]).seal(SESSION);
            assert_eq!(
                section.open(&token),
                Ok((SESSION.to_vec(), stale)),
                "{passphrase} {cipher}"
            );
        }
    }
}

#[test]
fn no_message_repeats_the_token() {
    let section = plain();
    for token in [&b"TOKENTOKEN"[..], b"VE9LRU5UT0tFTg==", b"TOKEN!"] {
        let refusal = section.open(token).unwrap_err();
        assert!(!refusal.to_string().contains("TOKEN"), "{refusal}");
    }
}
