//! The members of a JWK Set (RFC 7517), and of the keys in it.
//!
//! Other members than these are ignored. These dates are registered for a JWK at IANA.
//!
//! | member | value |
//! |---|---|
//! | `kty` | `oct` |
//! | `k` | 16, 24 or 32 bytes in base64url |
//! | `kid` | 1 to 64 characters of base64url; without it, the thumbprint (RFC 7638) |
//! | `nbf`, `exp`, `iat` | seconds since 1970 |
//! | `use` | `enc` |
//! | `key_ops` | a list with `wrapKey` and `unwrapKey` |
//! | `alg` | `A128KW`, `A192KW` or `A256KW`, by the size of the key |

use base64_simd::URL_SAFE_NO_PAD;
use zeroize::Zeroizing;

use crate::json::{self, Object, Value};
use crate::jwe::key_id::KeyId;
use crate::key_set::error::{KeyFlaw, KeyName, KeySetError, MemberName};
use crate::key_set::set_key::{self, Dates, KeySize, SetKey};
use crate::life::times::LATEST;
use crate::limits::{MAX_KEY_SET, MAX_KEYS};

/// The members of a set and of a key that have a meaning here.
const MEMBERS: [&str; 10] = [
    "keys", "kty", "k", "kid", "nbf", "exp", "iat", "use", "key_ops", "alg",
];

/// The operations of a key that wraps.
const OPERATIONS: [&str; 2] = ["wrapKey", "unwrapKey"];

/// How a text in UTF-8 may begin; it is no part of the set.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Reads the keys of a set.
pub(super) fn keys(text: &[u8]) -> Result<Vec<SetKey>, KeySetError> {
    if text.len() > MAX_KEY_SET {
        return Err(KeySetError::TooLarge);
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(KeySetError::Empty);
    }
    let value = json::parse(text)
        .map_err(|json::NotJson { line, column }| KeySetError::NotJson { line, column })?;
    let Value::Object(set) = value else {
        return Err(KeySetError::NotASet);
    };
    if let Some(name) = set.repeated() {
        return Err(KeySetError::Repeated(member_name(name)));
    }
    let Some(Value::List(list)) = set.find("keys") else {
        return Err(KeySetError::NotASet);
    };
    if list.is_empty() {
        return Err(KeySetError::NoKeys);
    }
    if list.len() > MAX_KEYS {
        return Err(KeySetError::TooManyKeys(list.len()));
    }
    let mut keys: Vec<SetKey> = Vec::with_capacity(list.len());
    for (value, number) in list.iter().zip(1..) {
        let key = key(value).map_err(|(id, flaw)| KeySetError::Key {
            key: Box::new(KeyName { id, number }),
            flaw,
        })?;
        if keys.iter().any(|known| known.id() == key.id()) {
            return Err(KeySetError::EqualIds(*key.id()));
        }
        keys.push(key);
    }
    Ok(keys)
}

/// Reads a key; a mistake comes with the id of the key, if it has a valid one.
fn key(value: &Value<'_>) -> Result<SetKey, (Option<KeyId>, KeyFlaw)> {
    let Value::Object(jwk) = value else {
        return Err((None, KeyFlaw::NotAnObject));
    };
    // The first of two ids names the key in the message that there are two.
    let id = id(jwk).map_err(|flaw| (None, flaw))?;
    checked_key(jwk, id).map_err(|flaw| (id, flaw))
}

fn checked_key(jwk: &Object<'_>, id: Option<KeyId>) -> Result<SetKey, KeyFlaw> {
    if let Some(name) = jwk.repeated() {
        return Err(KeyFlaw::Repeated(member_name(name)));
    }
    let kind = text(jwk, "kty")?.ok_or(KeyFlaw::Missing("kty"))?;
    if kind != "oct" {
        let known = ["RSA", "EC", "OKP", "AKP"];
        let known = known.into_iter().find(|known| *known == kind);
        return Err(KeyFlaw::KeyType(known.unwrap_or("another one")));
    }
    let encoded = text(jwk, "k")?.ok_or(KeyFlaw::Missing("k"))?;
    let secret = URL_SAFE_NO_PAD.decode_to_vec(encoded);
    let secret = Zeroizing::new(secret.map_err(|_| KeyFlaw::NotBase64Url)?);
    let size = KeySize::of(secret.len()).ok_or(KeyFlaw::Size(secret.len()))?;
    check_use(jwk, size)?;
    let id = id.or_else(|| set_key::thumbprint(&secret));
    let id = id.ok_or(KeyFlaw::Id)?;
    Ok(SetKey::new(id, secret, size, dates(jwk)?))
}

fn id(jwk: &Object<'_>) -> Result<Option<KeyId>, KeyFlaw> {
    match text(jwk, "kid")? {
        Some(text) => KeyId::new(text).map(Some).map_err(|_| KeyFlaw::Id),
        None => Ok(None),
    }
}

/// Refuses a key that is for something else (RFC 7517, sections 4.2 to 4.4).
fn check_use(jwk: &Object<'_>, size: KeySize) -> Result<(), KeyFlaw> {
    let check = |member, expected| match text(jwk, member)? {
        Some(text) if text != expected => Err(KeyFlaw::Contradiction { member, expected }),
        _ => Ok(()),
    };
    check("use", "enc")?;
    check("alg", size.alg())?;
    let operations = match jwk.find("key_ops") {
        None => return Ok(()),
        Some(Value::List(operations)) => operations,
        Some(_) => {
            return Err(KeyFlaw::Type {
                member: "key_ops",
                expected: "a list",
            });
        }
    };
    let has = |name: &str| {
        let mut operations = operations.iter();
        operations.any(|operation| matches!(operation, Value::Text(text) if *text == name))
    };
    if OPERATIONS.into_iter().all(has) {
        Ok(())
    } else {
        Err(KeyFlaw::Contradiction {
            member: "key_ops",
            expected: "wrapKey and unwrapKey",
        })
    }
}

fn dates(jwk: &Object<'_>) -> Result<Dates, KeyFlaw> {
    let date = |member| match jwk.find(member) {
        None => Ok(None),
        // A date in milliseconds is after the latest one.
        Some(Value::Number(seconds)) if *seconds <= LATEST => Ok(Some(*seconds)),
        Some(_) => Err(KeyFlaw::Date(member)),
    };
    let dates = Dates {
        not_before: date("nbf")?,
        expires: date("exp")?,
        issued_at: date("iat")?,
    };
    match (dates.not_before, dates.expires) {
        (Some(begins), Some(ends)) if ends <= begins => Err(KeyFlaw::EndsBeforeItBegins),
        _ => Ok(dates),
    }
}

fn text<'t>(jwk: &Object<'t>, member: &'static str) -> Result<Option<&'t str>, KeyFlaw> {
    match jwk.find(member) {
        None => Ok(None),
        Some(Value::Text(text)) => Ok(Some(text)),
        Some(_) => Err(KeyFlaw::Type {
            member,
            expected: "a text without escapes",
        }),
    }
}

fn member_name(name: &str) -> MemberName {
    MemberName(MEMBERS.into_iter().find(|known| *known == name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const K: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

    fn error(text: &str) -> KeySetError {
        keys(text.as_bytes()).map(|_| ()).unwrap_err()
    }

    /// The error of a set with one key, which has these members after `kty` and `k`.
    fn flaw(members: &str) -> KeyFlaw {
        let text = format!(r#"{{"keys":[{{"kty":"oct","k":"{K}",{members}}}]}}"#);
        match error(&text) {
            KeySetError::Key { flaw, .. } => flaw,
            other => panic!("{members}: {other}"),
        }
    }

    fn key_with(members: &str) -> SetKey {
        let text = format!(r#"{{"keys":[{{"kty":"oct","k":"{K}",{members}}}]}}"#);
        keys(text.as_bytes()).unwrap().remove(0)
    }

    /// RFC 7517, appendix A.3: two symmetric keys, of which the second is for HMAC.
    #[test]
    fn reads_the_examples_of_rfc_7517() {
        let wrapping = r#"{"kty":"oct","alg":"A128KW","k":"GawgguFyGrWKav7AX4VKUg"}"#;
        let mac = r#"{"kty":"oct",
            "k":"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow",
            "kid":"HMAC key used in JWS spec Appendix A.1 example"}"#;
        let keys = keys(format!(r#"{{"keys":[{wrapping}]}}"#).as_bytes()).unwrap();
        let key = keys.first().unwrap();
        assert_eq!((key.alg(), key.size()), ("A128KW", 16));
        assert_eq!(*key.dates(), Dates::default());
        let both = format!("{{\"keys\":\n [{wrapping},\n {mac}\n ]\n }}");
        let second = KeyName {
            id: None,
            number: 2,
        };
        assert_eq!(
            error(&both),
            KeySetError::Key {
                key: Box::new(second),
                flaw: KeyFlaw::Id
            }
        );
        let without_id = mac.replace("HMAC key used in JWS spec Appendix A.1 example", "mac");
        let flaw = KeyFlaw::Size(64);
        assert!(matches!(error(&format!(r#"{{"keys":[{without_id}]}}"#)),
            KeySetError::Key { flaw: found, .. } if found == flaw));
    }

    /// The thumbprint was computed by jwcrypto.
    #[test]
    fn a_key_without_an_id_has_its_thumbprint() {
        let text = format!(r#"{{"keys":[{{"kty":"oct","k":"{K}"}}]}}"#);
        let keys = keys(text.as_bytes()).unwrap();
        let id = keys.first().unwrap().id();
        assert_eq!(id.as_str(), "WqjPPRvAP8oYbAqCwMErhzTg-Quaz-vLx_cef07yhOs");
    }

    #[test]
    fn ignores_members_without_a_meaning_here() {
        let key = key_with(
            r#""x5c":[],"note":"\u0041","more":{"a":1,"a":[null,true,1e9]},"kid":"one","ext":true"#,
        );
        assert_eq!(key.id().as_str(), "one");
        let text = format!(
            "\u{feff} {{\"a\":{{}},\"keys\":[{{\"kty\":\"oct\",\"k\":\"{K}\"}}],\"b\":1}}\n"
        );
        assert_eq!(keys(text.as_bytes()).unwrap().len(), 1);
    }

    #[test]
    fn takes_dates_in_seconds() {
        let key = key_with(r#""nbf":1700000000.75,"exp":1.8e9,"iat":0"#);
        let dates = Dates {
            not_before: Some(1_700_000_000),
            expires: Some(1_800_000_000),
            issued_at: Some(0),
        };
        assert_eq!(*key.dates(), dates);
        for wrong in [
            "\"1700000000\"",
            "-1",
            "-0.5",
            "null",
            "true",
            "[1]",
            "1e300",
            "1700000000000",
        ] {
            for name in ["nbf", "exp", "iat"] {
                assert_eq!(flaw(&format!(r#""{name}":{wrong}"#)), KeyFlaw::Date(name));
            }
        }
        for (begins, ends) in [(1, 1), (2, 1), (0, 0)] {
            let dates = format!(r#""nbf":{begins},"exp":{ends}"#);
            assert_eq!(flaw(&dates), KeyFlaw::EndsBeforeItBegins);
        }
    }

    #[test]
    fn takes_keys_that_wrap_and_no_others() {
        for members in [
            r#""use":"enc""#,
            r#""alg":"A256KW""#,
            r#""key_ops":["wrapKey","unwrapKey"]"#,
            r#""key_ops":["unwrapKey","decrypt","wrapKey"]"#,
        ] {
            key_with(members);
        }
        for (members, member) in [
            (r#""use":"sig""#, "use"),
            (r#""use":"ENC""#, "use"),
            (r#""alg":"A128KW""#, "alg"),
            (r#""alg":"A256GCM""#, "alg"),
            (r#""alg":"dir""#, "alg"),
            (r#""key_ops":[]"#, "key_ops"),
            (r#""key_ops":["wrapKey"]"#, "key_ops"),
            (r#""key_ops":["encrypt","decrypt"]"#, "key_ops"),
            (r#""key_ops":[["wrapKey","unwrapKey"]]"#, "key_ops"),
        ] {
            let found = flaw(members);
            let is_it =
                matches!(found, KeyFlaw::Contradiction { member: name, .. } if name == member);
            assert!(is_it, "{members}: {found}");
        }
        for members in [
            r#""use":["enc"]"#,
            r#""alg":1"#,
            r#""key_ops":"wrapKey""#,
            r#""kid":7"#,
        ] {
            assert!(matches!(flaw(members), KeyFlaw::Type { .. }), "{members}");
        }
    }

    #[test]
    fn takes_keys_of_16_24_and_32_bytes() {
        for bytes in 0..70 {
            let k = URL_SAFE_NO_PAD.encode_to_string(vec![7; bytes]);
            let text = format!(r#"{{"keys":[{{"kty":"oct","kid":"a","k":"{k}"}}]}}"#);
            let outcome = keys(text.as_bytes()).map(|keys| keys[0].size());
            let key = Box::new(KeyName {
                id: KeyId::of(b"a"),
                number: 1,
            });
            let flaw = KeyFlaw::Size(bytes);
            match bytes {
                16 | 24 | 32 => assert_eq!(outcome, Ok(bytes)),
                _ => assert_eq!(outcome, Err(KeySetError::Key { key, flaw })),
            }
        }
    }

    #[test]
    fn says_which_key_is_wrong_and_why() {
        let set =
            |key: &str| format!(r#"{{"keys":[{{"kty":"oct","k":"{K}","kid":"good"}},{key}]}}"#);
        let message = |key: &str| error(&set(key)).to_string();
        for (key, words) in [
            ("7", "is wrong at key number 2: it is not an object"),
            ("{}", "is wrong at key number 2: it has no 'kty'"),
            (
                r#"{"kid":"bad","kty":"oct"}"#,
                "is wrong at the key with the kid 'bad': it has no 'k'",
            ),
            (
                r#"{"kid":"bad","kty":"RSA","n":"AQAB","e":"AQAB"}"#,
                "is wrong at the key with the kid 'bad': its 'kty' is RSA, and not oct, so it is \
                 no symmetric key",
            ),
            (
                r#"{"kid":"bad","kty":"x","k":"SECRET"}"#,
                "is wrong at the key with the kid 'bad': its 'kty' is another one, and not oct, \
                 so it is no symmetric key",
            ),
            (
                r#"{"kid":"bad","kty":"oct","k":"U0VDUkVU"}"#,
                "is wrong at the key with the kid 'bad': its 'k' has 6 bytes, and not 16, 24 or 32",
            ),
            (
                r#"{"kid":"bad","kty":"oct","k":"SECRET=="}"#,
                "is wrong at the key with the kid 'bad': its 'k' is not base64url without padding",
            ),
            (
                r#"{"kid":"bad","kty":"oct","k":"S\u0045CRET"}"#,
                "is wrong at the key with the kid 'bad': its 'k' is not a text without escapes",
            ),
            (
                r#"{"kid":"SE CRET","kty":"oct"}"#,
                "is wrong at key number 2: its 'kid' is not 1 to 64 letters, digits, '-' and '_'",
            ),
            (
                r#"{"kid":"bad","kid":"worse"}"#,
                "is wrong at the key with the kid 'bad': it has a member twice, 'kid'",
            ),
            (
                r#"{"kid":"bad","SECRET":1,"SECRET":1}"#,
                "is wrong at the key with the kid 'bad': it has a member twice, one that has no \
                 meaning here",
            ),
            (
                r#"{"kid":"bad","\u006b":"U0VDUkVU","k":"U0VDUkVU"}"#,
                "is wrong at the key with the kid 'bad': it has a member twice, 'k'",
            ),
        ] {
            assert_eq!(message(key), words);
            assert!(!message(key).contains("SECRET"));
        }
        let twin = format!(r#"{{"kty":"oct","k":"{K}","kid":"good"}}"#);
        assert_eq!(message(&twin), "has two keys with the kid 'good'");
    }

    #[test]
    fn refuses_what_is_no_set() {
        for (text, words) in [
            ("", "is empty"),
            (" \n", "is empty"),
            ("\u{feff}", "is empty"),
            ("{\n\"keys\":", "is not JSON (line 2, column 7)"),
            (
                "{\"keys\":[{\"k\":\"SECRET}]}",
                "is not JSON (line 1, column 24)",
            ),
            ("{\"keys\":[]} SECRET", "is not JSON (line 1, column 13)"),
            ("{\"keys\":[01]}", "is not JSON (line 1, column 11)"),
            ("SECRET", "is not JSON (line 1, column 1)"),
            (
                "[]",
                "is not a JWK Set, which is an object with an array 'keys'",
            ),
            (
                "\"SECRET\"",
                "is not a JWK Set, which is an object with an array 'keys'",
            ),
            (
                r#"{"kty":"oct","k":"SECRET"}"#,
                "is not a JWK Set, which is an object with an array 'keys'",
            ),
            (
                r#"{"keys":{}}"#,
                "is not a JWK Set, which is an object with an array 'keys'",
            ),
            (r#"{"keys":[]}"#, "has no keys"),
            (r#"{"keys":[],"keys":[]}"#, "has a member twice, 'keys'"),
        ] {
            assert_eq!(error(text).to_string(), words, "{text}");
        }
        assert!(keys(b"\xff\xfe{\0}\0").is_err());
        assert!(keys(&[b'['; 4000]).is_err());
    }

    #[test]
    fn a_set_is_not_too_large() {
        let set = |count: usize| {
            let key = |number| format!(r#"{{"kty":"oct","k":"{K}","kid":"{number}"}}"#);
            let all: Vec<_> = (0..count).map(key).collect();
            format!(r#"{{"keys":[{}]}}"#, all.join(","))
        };
        assert_eq!(keys(set(64).as_bytes()).unwrap().len(), 64);
        assert_eq!(error(&set(65)), KeySetError::TooManyKeys(65));
        let spaces = |total: usize| {
            let text = set(1);
            format!("{text}{}", " ".repeat(total - text.len()))
        };
        assert_eq!(keys(spaces(65_536).as_bytes()).unwrap().len(), 1);
        assert_eq!(error(&spaces(65_537)), KeySetError::TooLarge);
    }

    #[test]
    fn no_part_of_a_set_is_a_set() {
        let text = format!(r#"{{"keys":[{{"kty":"oct","k":"{K}","kid":"a"}}]}}"#);
        for length in 0..text.len() {
            assert!(keys(&text.as_bytes()[..length]).is_err(), "{length}");
        }
    }
}
