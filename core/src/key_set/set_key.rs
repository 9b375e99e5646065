//! A key of a JWK Set, with its id and its dates.

use std::fmt;
use std::sync::{OnceLock, RwLock};

use base64_simd::URL_SAFE_NO_PAD;
use openssl::sha::Sha256;
use zeroize::Zeroizing;

use crate::algorithm::derivation::user_key_from_set_key;
use crate::algorithm::key_wrap;
use crate::algorithm::user_key::UserKey;
use crate::cache::envelopes::{Envelope, EnvelopeUse, Envelopes};
use crate::counters::key::{KeyCounter, KeyCounterCell};
use crate::error::LibraryError;
use crate::id;
use crate::jwe::key_id::KeyId;
use crate::panics::locks;
use crate::secret::marks;

/// A key of a set.
pub struct SetKey {
    /// A number that no other key of this process has, nor this one in another set.
    number: u64,
    /// Its counter, once it is named.
    pub(crate) counter: KeyCounterCell,
    id: KeyId,
    dates: Dates,
    /// Bytes of the key.
    size: KeySize,
    /// `None` once the key has ended and is wiped.
    secret: RwLock<Option<Secret>>,
}

/// The bytes of a key, and all that follows from them.
struct Secret {
    key: Zeroizing<Vec<u8>>,
    /// The content keys that were wrapped with the key in this hour or the last.
    envelopes: Envelopes<()>,
    /// The key of ids of users, once it is asked for.
    user_key: OnceLock<UserKey>,
}

/// A function that wraps a content key.
pub(crate) type Wrap<'w> = dyn Fn(&[u8]) -> Result<Vec<u8>, LibraryError> + 'w;

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
    /// Joins a key, its id and its dates.
    pub(super) fn new(id: KeyId, mut key: Zeroizing<Vec<u8>>, size: KeySize, dates: Dates) -> Self {
        marks::hide(&mut key);
        Self {
            number: id::next(),
            counter: KeyCounterCell::default(),
            id,
            dates,
            size,
            secret: RwLock::new(Some(Secret {
                key,
                envelopes: Envelopes::default(),
                user_key: OnceLock::new(),
            })),
        }
    }

    /// The same key with other dates; `None` if it has been wiped.
    pub(super) fn with_dates(&self, dates: Dates) -> Option<Self> {
        let key = self.with_key(|key| Zeroizing::new(key.to_vec()))?;
        Some(Self::new(self.id, key, self.size, dates))
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

    /// The counter of the key, once it is named.
    pub fn counter(&self) -> KeyCounter {
        self.counter.load()
    }

    /// The number of the key in this process.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Runs `work` with the bytes of the key; `None` if it has been wiped.
    pub(super) fn with_key<T>(&self, work: impl FnOnce(&[u8]) -> T) -> Option<T> {
        self.with_secret(|secret| work(&secret.key))
    }

    /// Runs `work` with the envelope for a use. If there is none yet, `make` makes it, with a
    /// function that wraps a content key. `None` if the key has been wiped.
    pub(crate) fn with_envelope<T>(
        &self,
        usage: &EnvelopeUse<()>,
        make: impl FnOnce(&Wrap<'_>) -> Result<Envelope, LibraryError>,
        work: impl FnOnce(&Envelope) -> Result<T, LibraryError>,
    ) -> Option<Result<T, LibraryError>> {
        self.with_secret(|secret| {
            let wrap = |content_key: &[u8]| {
                key_wrap::wrap(&secret.key, content_key)
                    .map_err(|stack| LibraryError::new("encrypt a content key", &stack))
            };
            let slot = secret.envelopes.slot(usage);
            slot.get(|| make(&wrap)).and_then(|found| work(found.key))
        })
    }

    /// Unwraps a content key; `None` if it was not wrapped with this key, or the key has
    /// been wiped.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub(crate) fn unwrap(
        &self,
        wrapped: &[u8],
    ) -> Result<Option<Zeroizing<Vec<u8>>>, LibraryError> {
        let unwrapped = self.with_key(|key| key_wrap::unwrap(key, wrapped));
        let unwrapped = unwrapped.transpose();
        let unwrapped =
            unwrapped.map_err(|stack| LibraryError::new("decrypt a content key", &stack));
        Ok(unwrapped?.flatten())
    }

    /// Runs `work` with the key of ids of users; `None` if the key has been wiped.
    pub(crate) fn with_user_key<T>(&self, work: impl FnOnce(&UserKey) -> T) -> Option<T> {
        self.with_secret(|secret| {
            let make = || user_key_from_set_key(&secret.key);
            work(secret.user_key.get_or_init(make))
        })
    }

    fn with_secret<T>(&self, work: impl FnOnce(&Secret) -> T) -> Option<T> {
        let secret = locks::read(&self.secret);
        secret.as_ref().map(work)
    }

    /// Whether the key has been wiped. The clock may have gone back since.
    pub(crate) fn is_wiped(&self) -> bool {
        self.with_secret(|_| ()).is_none()
    }

    /// Wipes the key.
    pub(super) fn wipe(&self) {
        let mut secret = locks::write(&self.secret);
        *secret = None;
    }
}

/// The thumbprint of a symmetric key (RFC 7638, section 3): a SHA-256 in base64url.
pub(super) fn thumbprint(secret: &[u8]) -> Option<KeyId> {
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
