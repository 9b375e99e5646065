//! A key of a JWK Set, with its id and its dates.

use std::fmt;
use std::sync::{PoisonError, RwLock};

use base64_simd::URL_SAFE_NO_PAD;
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use crate::id;
use crate::key_id::KeyId;

/// A key of a set.
pub struct SetKey {
    /// A number that no other key of this process has, nor this one in another set.
    pub(super) number: u64,
    id: KeyId,
    dates: Dates,
    /// Bytes of the key.
    size: KeySize,
    /// `None` once the key has ended and is wiped.
    secret: RwLock<Option<Zeroizing<Vec<u8>>>>,
}

/// The dates of a key, in Unix seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dates {
    /// The time from which the key seals (`nbf`); without it, the key has always begun.
    pub not_before: Option<u64>,
    /// The time at which the key ends (`exp`), and neither seals nor opens any more.
    pub expires: Option<u64>,
    /// The time at which the key was made (`iat`).
    pub issued_at: Option<u64>,
}

/// The size of a key, which chooses the algorithm that wraps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeySize {
    Bits128,
    Bits192,
    Bits256,
}

impl KeySize {
    /// The size of a key of so many bytes.
    pub(super) fn of(bytes: usize) -> Option<Self> {
        match bytes {
            16 => Some(Self::Bits128),
            24 => Some(Self::Bits192),
            32 => Some(Self::Bits256),
            _ => None,
        }
    }

    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Bits128 => 16,
            Self::Bits192 => 24,
            Self::Bits256 => 32,
        }
    }

    /// The name of the algorithm in JWE (RFC 7518, section 4.4).
    pub(crate) fn alg(self) -> &'static str {
        match self {
            Self::Bits128 => "A128KW",
            Self::Bits192 => "A192KW",
            Self::Bits256 => "A256KW",
        }
    }
}

impl Dates {
    /// Whether a key with these dates has begun.
    pub fn has_begun(&self, now: u64) -> bool {
        self.not_before.is_none_or(|begins| begins <= now)
    }

    /// Whether a key with these dates has ended.
    pub fn has_ended(&self, now: u64) -> bool {
        self.expires.is_some_and(|ends| ends <= now)
    }
}

impl SetKey {
    /// Joins a key and its dates; without an id, the key gets its thumbprint.
    pub(super) fn new(
        id: Option<KeyId>,
        secret: Zeroizing<Vec<u8>>,
        size: KeySize,
        dates: Dates,
    ) -> Option<Self> {
        let id = match id {
            Some(id) => id,
            None => thumbprint(&secret)?,
        };
        Some(Self {
            number: id::next(),
            id,
            dates,
            size,
            secret: RwLock::new(Some(secret)),
        })
    }

    /// The same key with other dates; `None` if it has been wiped.
    pub(super) fn with_dates(&self, dates: Dates) -> Option<Self> {
        let secret = self.with_secret(|secret| Zeroizing::new(secret.to_vec()))?;
        Self::new(Some(self.id), secret, self.size, dates)
    }

    /// The id of the key: its `kid`, or else its thumbprint (RFC 7638).
    pub fn id(&self) -> &KeyId {
        &self.id
    }

    /// The dates of the key.
    pub fn dates(&self) -> &Dates {
        &self.dates
    }

    /// The bytes of the key: 16, 24 or 32.
    pub fn size(&self) -> usize {
        self.size.bytes()
    }

    /// The name of the algorithm in JWE: `A128KW`, `A192KW` or `A256KW`.
    pub fn alg(&self) -> &'static str {
        self.size.alg()
    }

    /// Runs `work` with the key; `None` if it has been wiped.
    pub(super) fn with_secret<T>(&self, work: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let secret = self.secret.read().unwrap_or_else(PoisonError::into_inner);
        secret.as_ref().map(|secret| work(secret))
    }

    /// Wipes the key.
    pub(super) fn wipe(&self) {
        let mut secret = self.secret.write().unwrap_or_else(PoisonError::into_inner);
        *secret = None;
    }
}

/// The thumbprint of a symmetric key (RFC 7638, section 3): a SHA-256 in base64url.
fn thumbprint(secret: &[u8]) -> Option<KeyId> {
    let text = Zeroizing::new(URL_SAFE_NO_PAD.encode_to_string(secret));
    let mut hash = Sha256::new();
    hash.update(br#"{"k":""#);
    hash.update(text.as_bytes());
    hash.update(br#"","kty":"oct"}"#);
    KeyId::of(URL_SAFE_NO_PAD.encode_to_string(hash.finish()).as_bytes())
}

impl fmt::Debug for SetKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "SetKey({})", self.id)
    }
}
