//! The mistakes in a JWK Set.
//!
//! A message names a key by its id, a member or a size. It never contains a key, nor any
//! other value of the text.

use std::fmt;

use thiserror::Error;

use crate::jwe::key_id::KeyId;
use crate::limits::{MAX_KEY_SET, MAX_KEYS};

/// The reason why a text is no usable JWK Set; the words go on after the name of the file.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeySetError {
    /// The text has no byte but white space.
    #[error("is empty")]
    Empty,
    /// The text is larger than 64 KiB.
    #[error("is larger than {} KiB", MAX_KEY_SET / 1024)]
    TooLarge,
    /// The text is not JSON.
    #[error("is not JSON (line {line}, column {column})")]
    NotJson {
        /// The line of the mistake, from 1.
        line: usize,
        /// The column of the mistake, from 1.
        column: usize,
    },
    /// The text is JSON, and not an object with an array `keys`.
    #[error("is not a JWK Set, which is an object with an array 'keys'")]
    NotASet,
    /// The object has a member twice.
    #[error("has a member twice, {0}")]
    Repeated(MemberName),
    /// The array is empty.
    #[error("has no keys")]
    NoKeys,
    /// The array has more than 64 keys.
    #[error("has {0} keys, which is more than {MAX_KEYS}")]
    TooManyKeys(usize),
    /// Two keys have the same id.
    #[error("has two keys with the kid '{0}'")]
    EqualIds(KeyId),
    /// A key is wrong.
    #[error("is wrong at {key}: {flaw}")]
    Key {
        /// The key.
        key: Box<KeyName>,
        /// The mistake.
        flaw: KeyFlaw,
    },
    /// No key has begun and not ended.
    #[error("has no key that has begun and not ended")]
    NoneSeals,
}

/// A key of a set, in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyName {
    /// The id, if the key has a valid one.
    pub id: Option<KeyId>,
    /// The number of the key in the text, from 1.
    pub number: usize,
}

/// The name of a member, in a message; `None` for one that this crate does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberName(pub Option<&'static str>);

/// The mistake in a key.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum KeyFlaw {
    /// It is not a JSON object.
    #[error("it is not an object")]
    NotAnObject,
    /// It has a member twice.
    #[error("it has a member twice, {0}")]
    Repeated(MemberName),
    /// It lacks a member.
    #[error("it has no '{0}'")]
    Missing(&'static str),
    /// A member is of another JSON type, or a text with escapes.
    #[error("its '{member}' is not {expected}")]
    Type {
        /// The name of the member.
        member: &'static str,
        /// The expected type.
        expected: &'static str,
    },
    /// It is not a symmetric key.
    #[error("its 'kty' is {0}, and not oct, so it is no symmetric key")]
    KeyType(&'static str),
    /// The key has another size.
    #[error("its 'k' has {0} bytes, and not 16, 24 or 32")]
    Size(usize),
    /// The key is not canonical base64url.
    #[error("its 'k' is not base64url without padding")]
    NotBase64Url,
    /// The id has other characters, or another length.
    #[error("its 'kid' is not 1 to 64 letters, digits, '-' and '_'")]
    Id,
    /// A member says that the key is for something else.
    #[error("its '{member}' is not that of a key that wraps keys, {expected}")]
    Contradiction {
        /// The name of the member.
        member: &'static str,
        /// The expected value.
        expected: &'static str,
    },
    /// A date is not in Unix seconds before the year 10000.
    #[error("its '{0}' is not a time in seconds since 1970")]
    Date(&'static str),
    /// The key ends before it begins.
    #[error("its 'exp' is not after its 'nbf'")]
    EndsBeforeItBegins,
}

impl fmt::Display for KeyName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.id {
            Some(id) => write!(formatter, "the key with the kid '{id}'"),
            None => write!(formatter, "key number {}", self.number),
        }
    }
}

impl fmt::Display for MemberName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(name) => write!(formatter, "'{name}'"),
            None => formatter.write_str("one that has no meaning here"),
        }
    }
}
