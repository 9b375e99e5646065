//! The values that directives take. The first byte of the input says which one, and the rest
//! is the word, or two words with a line feed between.
//!
//! A value that is taken has the form that `docs/directives.md` gives it, and what is written
//! of it cannot be more than a value: no header, no JSON and no file gets a second field from
//! it.

use std::sync::LazyLock;

use serde_json::Value;
use session_crypto_agent::Address;
use session_crypto_core::times::{LifetimeError, MAX_LIFETIME, date, lifetime, rfc3339};
use session_crypto_core::{
    DeviceCookie, DevicePath, Instructions, KeyId, KeyThumbprint, Keyring, OpenSslRandom, Purpose,
    is_initiator,
};

use crate::oracle::section::keyring;

static KEYRING: LazyLock<Keyring<OpenSslRandom>> = LazyLock::new(keyring);

const KINDS: &[fn(&str)] = &[
    check_lifetime,
    check_date,
    check_purpose,
    check_key_id,
    check_cookie,
    check_path,
    check_initiator,
    check_address,
    check_cipher,
    check_digest,
];

/// Reads the value.
pub fn run(data: &[u8]) {
    let Some((kind, word)) = data.split_first() else {
        return;
    };
    // The handlers take other words for UTF-8 as well.
    let word = String::from_utf8_lossy(word);
    // httpd's words have no NUL byte.
    if !word.contains('\0') {
        KINDS[usize::from(*kind) % KINDS.len()](&word);
    }
}

fn check_lifetime(word: &str) {
    let number = word.trim_end_matches(|c: char| !c.is_ascii_digit());
    let seconds = match &word[number.len()..] {
        "ms" => Some((1, 1000)),
        "" | "s" => Some((1, 1)),
        "mi" | "min" => Some((60, 1)),
        "h" => Some((3600, 1)),
        "d" => Some((86_400, 1)),
        _ => None,
    };
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let expected = seconds.filter(|_| is_number).map(|(factor, divisor)| {
        // A longer number is too long anyway.
        let number: u128 = number.parse().unwrap_or(u128::MAX >> 32);
        number.saturating_mul(factor) / divisor
    });
    match lifetime(word) {
        Ok(seconds) => {
            assert!((1..=MAX_LIFETIME).contains(&seconds));
            assert_eq!(expected, Some(u128::from(seconds)));
        }
        Err(LifetimeError::Malformed) => assert_eq!(expected, None),
        Err(LifetimeError::TooShort) => assert_eq!(expected, Some(0)),
        Err(LifetimeError::TooLong) => assert!(expected > Some(u128::from(MAX_LIFETIME))),
    }
}

fn check_date(word: &str) {
    let Ok(seconds) = date(word) else {
        return;
    };
    // The text in UTC is the same second.
    assert_eq!(date(&rfc3339(seconds)).ok(), Some(seconds));
    assert!(word.len() >= 20 && word.is_ascii());
}

fn check_purpose(word: &str) {
    let is_plain = |c: char| matches!(c, ' '..='~') && c != '"' && c != '\\';
    let expected = (1..=128).contains(&word.len()) && word.chars().all(is_plain);
    let purpose = Purpose::new(word).ok();
    assert_eq!(
        purpose.as_ref().map(Purpose::as_str),
        expected.then_some(word)
    );
    if let Some(purpose) = purpose {
        // Every JOSE library writes it alike.
        assert_eq!(
            Value::from(purpose.as_str()).to_string(),
            format!("\"{word}\"")
        );
    }
}

fn check_key_id(word: &str) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let expected = (1..=64).contains(&word.len()) && word.chars().all(is_plain);
    let id = KeyId::new(word).ok();
    assert_eq!(id.as_ref().map(KeyId::as_str), expected.then_some(word));
}

fn check_cookie(words: &str) {
    let (name, attributes) = words.split_once('\n').unwrap_or((words, ""));
    let Ok(cookie) = DeviceCookie::new(name, attributes) else {
        return;
    };
    assert_eq!(cookie.bound, name);
    for name in [&cookie.bound, &cookie.key] {
        assert!(!name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic()));
        assert!(!name.contains(['=', ';', ',', '"', ' ']));
    }
    assert_ne!(cookie.bound, cookie.key);
    assert!(!cookie.key.to_ascii_lowercase().starts_with("__host-"));
    let attributes: Vec<_> = cookie.attributes.split("; ").collect();
    let [path, "Secure", "HttpOnly", same_site] = attributes[..] else {
        panic!("other attributes");
    };
    let path = path.strip_prefix("Path=").unwrap();
    assert!(path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(!path.contains([';', ',']));
    let is_host = name.to_ascii_lowercase().starts_with("__host-");
    assert!(!is_host || path == "/");
    assert_eq!(same_site, format!("SameSite={}", cookie.same_site.text()));
    // The attributes have one form.
    assert_eq!(DeviceCookie::new(name, &cookie.attributes), Ok(cookie));
}

fn check_path(word: &str) {
    let Some(path) = DevicePath::new(word) else {
        return;
    };
    assert_eq!(path.prefix, word);
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    assert!(word.starts_with('/') && word.chars().all(is_plain) && word.len() < 256);
    assert!(
        word[1..]
            .split('/')
            .all(|part| !["", ".", ".."].contains(&part))
    );
    for (endpoint, name) in [(&path.register, "register"), (&path.refresh, "refresh")] {
        assert_eq!(endpoint.as_str(), format!("{word}/{name}"));
    }
    check_instructions(&path, &[]);
}

fn check_initiator(word: &str) {
    let hosts: Vec<_> = word.split('\n').collect();
    if hosts.iter().all(|host| is_initiator(host)) {
        assert!(hosts.iter().all(|host| (1..=255).contains(&host.len())));
        assert!(!word.contains(['/', ':', '@', '"', '\\', ',', ' ', '%']));
        let path = DevicePath::new(DevicePath::DEFAULT).unwrap();
        check_instructions(&path, &hosts);
    }
}

/// The JSON of these values has these values, and no others.
fn check_instructions(path: &DevicePath, initiators: &[&str]) {
    let id = "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U";
    let instructions = Instructions {
        id: KeyThumbprint::parse(id.as_bytes()).unwrap(),
        refresh: &path.refresh,
        cookie: &path.cookie.bound,
        attributes: &path.cookie.attributes,
        initiators,
        excluded: &[&path.prefix],
    };
    let json: Value = serde_json::from_str(&instructions.json()).unwrap();
    assert_eq!(json["session_identifier"], id);
    assert_eq!(json["refresh_url"], path.refresh.as_str());
    assert_eq!(
        json["allowed_refresh_initiators"],
        serde_json::json!(initiators)
    );
    let credential = &json["credentials"][0];
    assert_eq!(credential["name"], path.cookie.bound);
    assert_eq!(credential["attributes"], path.cookie.attributes);
    assert_eq!(json["scope"]["scope_specification"][0]["path"], path.prefix);
}

fn check_address(word: &str) {
    let Ok(address) = Address::parse(word) else {
        return;
    };
    // It is shown without user and password, and what is shown is the same address.
    let shown = address.to_string();
    let again = Address::parse(&shown).unwrap();
    assert_eq!(again.to_string(), shown);
    assert!(!again.has_user() && !again.has_password());
    assert_eq!(again.is_tls(), address.is_tls());
    assert!(shown.bytes().all(|byte| byte.is_ascii_graphic()) && !shown.contains('@'));
    // It is shown as the same address without them.
    let (scheme, rest) = word.split_once("://").unwrap();
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let place = authority
        .rsplit_once('@')
        .map_or(authority, |(_, place)| place);
    let without_login = Address::parse(&format!("{scheme}://{place}/{path}"));
    assert_eq!(without_login.map(|address| address.to_string()), Ok(shown));
}

fn check_cipher(word: &str) {
    // A name with other characters goes to OpenSSL as it is.
    if let Ok(cipher) = KEYRING.cipher(None, word) {
        assert!(word.len() < 64);
        let _ = cipher.is_aead();
    }
}

fn check_digest(word: &str) {
    if KEYRING.digest(None, word).is_ok() {
        assert!(word.len() < 64);
    }
}

/// Values of each kind.
pub fn seeds() -> Vec<Vec<u8>> {
    let values: [&[&str]; 10] = [
        &[
            "8h",
            "30d",
            "90min",
            "45s",
            "1500ms",
            "3650d",
            "600",
            "18446744073709551615h",
        ],
        &[
            "2026-11-26T08:00:00Z",
            "2026-11-26T08:00:00.5+01:00",
            "9999-12-31T23:59:59Z",
        ],
        &["shop", "https://shop.example/ a", "\""],
        &["one", "-_A9", ""],
        &[
            "__Host-shop\nPath=/; Secure; HttpOnly; SameSite=Lax",
            "__Secure-a\nSameSite=Strict;path=/a;secure;httponly",
            "a\nPath=/; Secure; HttpOnly; SameSite=None; Domain=a.example",
        ],
        &["/session-device", "/a-b._~/C9", "/a//b", "/../a"],
        &["*", "*.shop.example", "a.example\nb.example", "https://a"],
        &[
            "redis://user:pass%20word@host.example:6380/3",
            "rediss://[::1]:6379",
            "redis://:p@a:1/",
        ],
        &[
            "aes256",
            "3des192",
            "AES-256-GCM",
            "aes-128-cbc",
            "camellia-256-cbc",
            "rc4",
        ],
        &["SHA", "sha256", "SHA512-256", "md5", "crc32"],
    ];
    let seeds = values.iter().zip(0..).flat_map(|(values, kind)| {
        values
            .iter()
            .map(move |value| [&[kind], value.as_bytes()].concat())
    });
    seeds.collect()
}
