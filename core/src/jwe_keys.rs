//! The keys of a day, in contexts that are kept.

use crate::aead::AeadContext;
use crate::derivation::Master;
use crate::jwe::{self, Kid};
use crate::{Cipher, LibraryError, Purpose};

const SECONDS_A_DAY: u64 = 86_400;

/// The day of a Unix time in seconds: days since 1970-01-01 UTC.
///
/// A key for each day keeps random nonces far below the 2^32 that NIST SP
/// 800-38D, section 8.3, allows under one key.
pub(crate) fn day(seconds: u64) -> u32 {
    u32::try_from(seconds / SECONDS_A_DAY).unwrap_or(u32::MAX)
}

/// What a key of a day goes by in this process.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct JweKeyName {
    pub(crate) passphrase: u64,
    pub(crate) digest: usize,
    pub(crate) cipher: usize,
    pub(crate) day: u32,
}

/// The context that seals, and the header that goes with it.
pub(crate) struct SealingContext {
    pub(crate) context: AeadContext,
    pub(crate) header: String,
    name: JweKeyName,
    purpose: Option<Purpose>,
}

impl SealingContext {
    pub(crate) fn new(
        name: JweKeyName,
        master: &Master,
        cipher: &Cipher,
        enc: &str,
        purpose: Option<&Purpose>,
    ) -> Result<Self, LibraryError> {
        let kid = Kid {
            key_id: *master.key_id(),
            day: name.day,
        };
        let context = with_day_key(master, cipher, enc, name.day, AeadContext::sealing)?;
        Ok(Self {
            context,
            header: jwe::header(enc, &kid, purpose),
            name,
            purpose: purpose.cloned(),
        })
    }

    pub(crate) fn is_for(&self, name: &JweKeyName, purpose: Option<&Purpose>) -> bool {
        self.name == *name && self.purpose.as_ref() == purpose
    }
}

/// The contexts that open, the one used last in front.
///
/// Today's and yesterday's key, and those of a section or two beside.
#[derive(Default)]
pub(crate) struct OpeningKeys(Vec<OpeningContext>);

/// A context that has opened a token, and that token's header: a token that
/// begins alike needs no look at its header.
pub(crate) struct OpeningContext {
    pub(crate) context: AeadContext,
    pub(crate) name: JweKeyName,
    header: Vec<u8>,
    purpose: Option<Purpose>,
}

/// Contexts that open, of each bench.
const OPENING: usize = 4;

impl OpeningKeys {
    /// The context that has opened a token with this header for this purpose.
    pub(crate) fn find(
        &mut self,
        header: &[u8],
        purpose: Option<&Purpose>,
        mut is_allowed: impl FnMut(&JweKeyName) -> bool,
    ) -> Option<&mut OpeningContext> {
        let index = self.0.iter().position(|held| {
            held.header == header && held.purpose.as_ref() == purpose && is_allowed(&held.name)
        })?;
        self.0.get_mut(..=index)?.rotate_right(1);
        self.0.first_mut()
    }

    /// Keeps a context, now that a token has opened under it.
    pub(crate) fn keep(&mut self, opened: OpeningContext) {
        self.0.truncate(OPENING.saturating_sub(1));
        self.0.insert(0, opened);
    }
}

impl OpeningContext {
    pub(crate) fn new(
        name: JweKeyName,
        master: &Master,
        cipher: &Cipher,
        enc: &str,
        header: &[u8],
        purpose: Option<&Purpose>,
    ) -> Result<Self, LibraryError> {
        let context = with_day_key(master, cipher, enc, name.day, AeadContext::opening)?;
        Ok(Self {
            context,
            name,
            header: header.to_vec(),
            purpose: purpose.cloned(),
        })
    }
}

fn with_day_key<T>(
    master: &Master,
    cipher: &Cipher,
    enc: &str,
    day: u32,
    with: impl FnOnce(&Cipher, &[u8]) -> Result<T, LibraryError>,
) -> Result<T, LibraryError> {
    let mut key = zeroize::Zeroizing::new([0; 32]);
    let key = key
        .get_mut(..cipher.key_length())
        .ok_or_else(|| LibraryError::impossible("expand a key"))?;
    master.day_key(enc, day, key)?;
    with(cipher, key)
}
