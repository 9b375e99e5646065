//! The sealed values of devices in each wire format: a value is nothing but what it is.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use common::Section;
use common::devices::Device;
use session_crypto_core::{
    BoundCookie, Challenge, ChallengeFor, DeviceKey, KeyCookie, ProvedAt, SessionEntry,
    SessionUsers, UserEntry, is_sealed_value,
};

mod common;

const BIRTH: u64 = 1_800_000_000;

const KEY_SET: &str =
    r#"{"keys":[{"kty":"oct","kid":"one","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"}]}"#;

/// A section for each format, and each way to its keys.
fn sections() -> Vec<(&'static str, Section)> {
    let (secret, gcm) = (&["correct horse battery staple"], &["aes-256-gcm"]);
    vec![
        ("classic", Section::new(secret, &["aes256"])),
        ("classic, small blocks", Section::new(secret, &["3des192"])),
        (
            "classic and JWE",
            Section::new(secret, &["aes128", "aes-256-gcm"]),
        ),
        ("JWE", Section::new(secret, gcm)),
        (
            "JWE for a purpose",
            Section::new(secret, gcm).purpose("shop"),
        ),
        ("JWK Set", Section::with_key_set(KEY_SET, gcm)),
        (
            "JWK Set for a purpose",
            Section::with_key_set(KEY_SET, gcm).purpose("shop"),
        ),
        ("RSA certificate", Section::certified(&["rsa-2048"], gcm)),
        ("EC certificate", Section::certified(&["p-256"], gcm)),
    ]
}

fn session() -> SessionEntry {
    SessionEntry::parse(format!("{BIRTH}.-_v7-_v7-_v7-_v7-_v7-w").as_bytes()).unwrap()
}

fn users() -> SessionUsers {
    let entry = UserEntry {
        name: b"user",
        value: b"joe",
    };
    SessionUsers::new([entry]).unwrap()
}

fn bound(key: &DeviceKey, step: ProvedAt) -> BoundCookie {
    BoundCookie {
        session: session(),
        device: key.device(),
        ends: BIRTH + 600,
        step,
    }
}

fn challenge(purpose: ChallengeFor) -> Challenge {
    Challenge {
        session: session(),
        made: BIRTH,
        purpose,
    }
}

/// The kind of thing that a text is.
#[derive(Debug, PartialEq)]
enum Kind {
    Session,
    Bound(BoundCookie),
    Key(KeyCookie),
    Challenge(Challenge),
}

/// A text of each kind of value, and of sessions.
fn texts() -> Vec<(Kind, String)> {
    let mut texts = Vec::new();
    for key in [Device::p256().key(), Device::rsa().key()] {
        for step in [ProvedAt::Registration, ProvedAt::Refresh] {
            let cookie = bound(&key, step);
            texts.push((Kind::Bound(cookie), cookie.text()));
        }
        for users in [SessionUsers::default(), users()] {
            let cookie = KeyCookie {
                session: session(),
                users: users.clone(),
                key: key.clone(),
            };
            let text = cookie.text();
            texts.push((Kind::Key(cookie), text));
            let challenge = challenge(ChallengeFor::Registration(users));
            let text = challenge.text();
            texts.push((Kind::Challenge(challenge), text));
        }
    }
    let challenge = challenge(ChallengeFor::Refresh);
    let text = challenge.text();
    texts.push((Kind::Challenge(challenge), text));
    let bound_entry = session().bound_to(Device::p256().key().device());
    for entry in [session(), bound_entry] {
        let text = format!("user=joe&session-crypto={}&expiry=1", entry.value());
        texts.push((Kind::Session, text));
    }
    // A user may have chosen this name, and mod_session has encoded it.
    let chosen = bound(&Device::p256().key(), ProvedAt::Refresh).text();
    let chosen = chosen.replace('!', "%21");
    texts.push((Kind::Session, format!("{chosen}={chosen}")));
    texts.push((Kind::Session, format!("user={chosen}")));
    texts
}

/// All that a text is taken for.
fn read(text: &[u8]) -> Vec<Kind> {
    let mut kinds = Vec::new();
    if !is_sealed_value(text) {
        kinds.push(Kind::Session);
    }
    kinds.extend(BoundCookie::read(text).map(Kind::Bound));
    kinds.extend(KeyCookie::read(text).map(Kind::Key));
    kinds.extend(Challenge::read(text).map(Kind::Challenge));
    kinds
}

#[test]
fn a_value_is_one_thing_in_each_format() {
    let texts = texts();
    for (name, section) in sections() {
        for (kind, text) in &texts {
            let token = section.seal(text.as_bytes());
            let (opened, _) = section.open(&token).unwrap();
            assert_eq!(opened, text.as_bytes(), "{name}");
            assert_eq!(read(&opened), [kind].map(copy), "{name}: {text}");
        }
    }
}

fn copy(kind: &Kind) -> Kind {
    match kind {
        Kind::Session => Kind::Session,
        Kind::Bound(cookie) => Kind::Bound(*cookie),
        Kind::Key(cookie) => Kind::Key(cookie.clone()),
        Kind::Challenge(challenge) => Kind::Challenge(challenge.clone()),
    }
}

/// A text that is cut, longer, of another version or of no known kind is no value; and it is
/// no session either as long as it begins like a value.
#[test]
fn a_value_has_one_length_and_one_version() {
    for (kind, text) in texts() {
        if kind == Kind::Session {
            continue;
        }
        for end in 1..text.len() {
            assert_eq!(read(&text.as_bytes()[..end]), [], "{text} until {end}");
        }
        for more in ["A", "AA", "AAAA", "=", " ", "\0", "&user=joe"] {
            assert_eq!(read(format!("{text}{more}").as_bytes()), [], "{text}{more}");
        }
        for start in ["!", "!b", "!b0", "!b2", "!x1", "!B1", "!!1"] {
            let changed = format!("{start}{}", text.get(3..).unwrap());
            assert_eq!(read(changed.as_bytes()), [], "{changed}");
        }
        let shifted = format!(" {text}");
        assert_eq!(read(shifted.as_bytes()), [Kind::Session], "{shifted}");
    }
}

/// A list of classic ciphers tries them in turn, and knows the right one by its text. A
/// wrong one finds padding in one of 256 tokens.
#[test]
fn a_list_of_classic_ciphers_opens_each_value() {
    let sealing = Section::new(&["secret"], &["aes256"]);
    let opening = Section::new(&["secret"], &["aes128", "aes192", "aes256"]);
    let text = bound(&Device::p256().key(), ProvedAt::Refresh).text();
    for _ in 0..2_000 {
        let (opened, _) = opening.open(&sealing.seal(text.as_bytes())).unwrap();
        assert_eq!(opened, text.as_bytes());
    }
}

/// Bytes of cookies: a browser takes 4,096 with name and attributes.
#[test]
fn values_are_as_long_as_the_pages_say() {
    let (ec, rsa) = (Device::p256().key(), Device::rsa().key());
    let length = |section: &Section, text: String| section.seal(text.as_bytes()).len();
    let key = |key: &DeviceKey| {
        let cookie = KeyCookie {
            session: session(),
            users: users(),
            key: key.clone(),
        };
        cookie.text()
    };
    let section = Section::new(&["secret"], &["aes-256-gcm"]);
    let bound = bound(&ec, ProvedAt::Refresh).text();
    assert_eq!(length(&section, bound), 191);
    assert_eq!(length(&section, key(&ec)), 291);
    assert_eq!(length(&section, key(&rsa)), 636);
    let offer = challenge(ChallengeFor::Registration(users()));
    assert_eq!(length(&section, offer.text()), 184);
    let refresh = challenge(ChallengeFor::Refresh);
    assert_eq!(length(&section, refresh.text()), 163);
    let longest = SessionUsers::new([UserEntry {
        name: b"user",
        value: &[b'j'; 252],
    }]);
    let modulus = format!(
        r#"{{"kty":"RSA","e":"AQAB","n":"{}"}}"#,
        base64_simd::URL_SAFE_NO_PAD.encode_to_string([0xff; 512])
    );
    let cookie = KeyCookie {
        session: session(),
        users: longest.unwrap(),
        key: DeviceKey::from_jwk(modulus.as_bytes()).unwrap(),
    };
    let certified = Section::certified(&["rsa-3072"], &["aes-256-gcm"]);
    let longest = length(&certified, cookie.text());
    assert!(longest < 3_500, "{longest}");
}
