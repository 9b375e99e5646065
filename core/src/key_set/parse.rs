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

use crate::key_id::KeyId;
use crate::key_set::error::{KeyFlaw, KeyName, KeySetError, MemberName};
use crate::key_set::json::{self, Object, Value};
use crate::key_set::set_key::{Dates, KeySize, SetKey};
use crate::limits::{MAX_KEY_SET, MAX_KEYS};

/// The latest date: the end of the year 9999. A date in milliseconds is after it.
const LATEST: u64 = 253_402_300_799;

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
            key: KeyName { id, number },
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
    SetKey::new(id, secret, size, dates(jwk)?).ok_or(KeyFlaw::Id)
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
