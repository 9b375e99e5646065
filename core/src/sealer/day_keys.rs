//! Content keys from passphrases: another one each day.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::derivation::{KEY_ID, Master};
use crate::error::{LibraryError, OpenError, Refusal, SealError};
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::{self, Kid, Parts};
use crate::jwe::contexts::{ContentKeyName, OpeningContext, SealingContext};
use crate::keyring::random::Random;
use crate::passphrase::allowance::Use;
use crate::passphrase::list::{ByKeyId, PassphraseList};
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::sealer::Sealer;

const SECONDS_A_DAY: u64 = 86_400;

/// Master keys derived to find the one of a token: the passphrase of now and
/// the one before, as a rotation has them. Others follow with later tokens.
const MOST_FOR_A_TOKEN: usize = 2;

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
        (cipher, enc): (&Cipher, &str),
        now: u64,
    ) -> Result<(SealingContext, bool), SealError> {
        let (ContentKeyName::Day { day, .. }, Some(passphrase)) = (name, passphrases.first())
        else {
            return Err(LibraryError::impossible("seal").into());
        };
        let (purpose, digest) = (self.settings.purpose, self.jwe_digest());
        let masters = &self.keyring.masters;
        let place = masters.place(passphrase, digest)?;
        let account = (self.payer(passphrases), Use::Sealing);
        let (master, derived) = masters
            .find_or_derive(&place, (passphrase, digest), account, now)?
            .ok_or(SealError::TooManyKeys)?;
        let kid = Kid {
            key_id: *master.key_id(),
            day,
        };
        let made = SealingContext {
            context: with_day_key(master, cipher, enc, day, AeadContext::sealing)?,
            header: compact::header(enc, &kid, purpose),
            encrypted_key: String::new(),
            name,
            purpose: purpose.cloned(),
        };
        Ok((made, derived))
    }

    /// Finds the key that a token's header names.
    pub(super) fn open_under_day_key(
        &self,
        passphrases: &PassphraseList,
        parts: &Parts<'_>,
        now: u64,
    ) -> Result<(OpeningContext, bool), OpenError> {
        let (purpose, digest) = (self.settings.purpose, self.jwe_digest());
        if !parts.encrypted_key.is_empty() {
            return Err(OpenError::Refused(Refusal::Header));
        }
        for (_, cipher, enc) in self.jwe_ciphers() {
            let Some(kid) = compact::read_header(parts.header, enc, purpose)? else {
                continue;
            };
            let (passphrase, derived) = self.passphrase(passphrases, &kid.key_id, now)?;
            let name = ContentKeyName::Day {
                passphrase: passphrase.id(),
                digest: digest.id(),
                cipher: cipher.id(),
                day: kid.day,
            };
            let place = self.keyring.masters.place(passphrase, digest)?;
            let master = self.keyring.masters.known(&place, now)?;
            let master = master.ok_or(Refusal::UnknownKey)?;
            passphrase.note_use();
            let context = with_day_key(master, cipher, enc, kid.day, AeadContext::opening)?;
            let opening = OpeningContext::new(context, name, parts, purpose);
            return Ok((opening, derived));
        }
        Err(OpenError::Refused(Refusal::Header))
    }

    /// Finds the passphrase that a key id is of, and says whether a key was
    /// derived to find it: none, where the parent could derive them all.
    fn passphrase<'l>(
        &self,
        passphrases: &'l PassphraseList,
        key_id: &[u8; KEY_ID],
        now: u64,
    ) -> Result<(&'l Arc<Passphrase>, bool), OpenError> {
        let (masters, digest) = (&self.keyring.masters, self.jwe_digest());
        let known = |passphrase: &Passphrase| {
            let place = masters.place(passphrase, digest)?;
            let master = masters.known(&place, now)?;
            Ok(master.map(|master| *master.key_id()))
        };
        let account = (self.payer(passphrases), Use::Opening);
        let mut derived = false;
        for left in (0..=MOST_FOR_A_TOKEN).rev() {
            let underived = match passphrases.by_key_id(digest, key_id, known)? {
                ByKeyId::Found(passphrase) => return Ok((passphrase, derived)),
                ByKeyId::Underived(passphrase) if left > 0 => passphrase,
                ByKeyId::Underived(_) | ByKeyId::None => break,
            };
            let place = masters.place(underived, digest)?;
            let found = masters.find_or_derive(&place, (underived, digest), account, now)?;
            let Some((_, was_derived)) = found else {
                break;
            };
            derived |= was_derived;
        }
        Err(OpenError::Refused(Refusal::UnknownKey))
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
