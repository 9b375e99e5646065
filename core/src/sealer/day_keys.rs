//! Content keys from passphrases: another one each day.

use zeroize::Zeroizing;

use super::Sealer;
use crate::aead::AeadContext;
use crate::derivation::Master;
use crate::jwe::{self, Kid, Parts};
use crate::jwe_keys::{ContentKeyName, OpeningContext, SealingContext};
use crate::{Cipher, LibraryError, OpenError, PassphraseList, Random, Refusal};

const SECONDS_A_DAY: u64 = 86_400;

/// The day of a Unix time in seconds: days since 1970-01-01 UTC.
///
/// A key for each day keeps random nonces far below the 2^32 that NIST SP
/// 800-38D, section 8.3, allows under one key.
fn day(seconds: u64) -> u32 {
    u32::try_from(seconds / SECONDS_A_DAY).unwrap_or(u32::MAX)
}

impl<R: Random + Clone> Sealer<'_, R> {
    /// The name of the key that seals now; `None` without a passphrase.
    pub(super) fn day_key_name(
        &self,
        passphrases: &PassphraseList,
        cipher: &Cipher,
        now: u64,
    ) -> Option<ContentKeyName> {
        Some(ContentKeyName::Day {
            passphrase: passphrases.first()?.id(),
            digest: self.jwe_digest().id(),
            cipher: cipher.id(),
            day: day(now),
        })
    }

    /// Makes the context of that key; says whether a master key was derived.
    pub(super) fn seal_under_day_key(
        &self,
        name: ContentKeyName,
        passphrases: &PassphraseList,
        cipher: &Cipher,
        enc: &str,
    ) -> Result<(SealingContext, bool), LibraryError> {
        let (ContentKeyName::Day { day, .. }, Some(passphrase)) = (name, passphrases.first())
        else {
            return Err(LibraryError::impossible("seal"));
        };
        let purpose = self.settings.purpose;
        let make = |master: &Master| {
            let kid = Kid {
                key_id: *master.key_id(),
                day,
            };
            Ok(SealingContext {
                context: with_day_key(master, cipher, enc, day, AeadContext::sealing)?,
                header: jwe::header(enc, &kid, purpose),
                encrypted_key: String::new(),
                name,
                purpose: purpose.cloned(),
            })
        };
        let (made, derived) = passphrase.with_master(self.jwe_digest(), make)?;
        Ok((made?, derived))
    }

    /// Finds the key that a token's header names.
    pub(super) fn open_under_day_key(
        &self,
        passphrases: &PassphraseList,
        parts: &Parts<'_>,
    ) -> Result<(OpeningContext, bool), OpenError> {
        let (purpose, digest) = (self.settings.purpose, self.jwe_digest());
        if !parts.encrypted_key.is_empty() {
            return Err(OpenError::Refused(Refusal::Header));
        }
        for (_, cipher, enc) in self.jwe_ciphers() {
            let Some(kid) = jwe::read_header(parts.header, enc, purpose)? else {
                continue;
            };
            let (passphrase, derived) = passphrases.by_key_id(digest, &kid.key_id)?;
            let passphrase = passphrase.ok_or(Refusal::UnknownKey)?;
            let name = ContentKeyName::Day {
                passphrase: passphrase.id(),
                digest: digest.id(),
                cipher: cipher.id(),
                day: kid.day,
            };
            let make =
                |master: &Master| with_day_key(master, cipher, enc, kid.day, AeadContext::opening);
            let (context, again) = passphrase.with_master(digest, make)?;
            let opening = OpeningContext::new(context?, name, parts, purpose);
            return Ok((opening, derived || again));
        }
        Err(OpenError::Refused(Refusal::Header))
    }
}

fn with_day_key<T>(
    master: &Master,
    cipher: &Cipher,
    enc: &str,
    day: u32,
    with: impl FnOnce(&Cipher, &[u8]) -> Result<T, LibraryError>,
) -> Result<T, LibraryError> {
    let mut key = Zeroizing::new([0; 32]);
    let key = key
        .get_mut(..cipher.key_length())
        .ok_or_else(|| LibraryError::impossible("expand a key"))?;
    master.day_key(enc, day, key)?;
    with(cipher, key)
}
