//! The key scheme of passphrases: a content key for each day.

use std::sync::Arc;

use crate::algorithm::derivation::{KEY_ID, MasterKey};
use crate::algorithm::user_key::{NamedUser, USER_ID};
use crate::counters::event::TokenFormat;
use crate::counters::key::CountedAs;
use crate::error::{LibraryError, OpenError, Refusal, SealError, UserIdError};
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{OpeningContext, SealingContext};
use crate::jwe::header::{self, Header, Kid};
use crate::keyring::random::{Random, RandomBlock};
use crate::passphrase::allowance::KeyUse;
use crate::passphrase::list::{KeyIdMatch, PassphraseList};
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::call::Cost;
use crate::sealer::key_scheme::{KeyScheme, Standing};
use crate::sealer::section::Section;

const SECONDS_A_DAY: u64 = 86_400;

/// Most master keys that are derived to find the passphrase of one token. A rotation has
/// two passphrases in use, the new one and the old one. If there are more, later tokens
/// derive their keys.
const MOST_FOR_A_TOKEN: usize = 2;

/// The day of a Unix time in seconds: days since 1970-01-01 UTC.
///
/// A key for each day keeps random nonces far below the 2^32 that NIST SP
/// 800-38D, section 8.3, allows under one key.
fn day(seconds: u64) -> u32 {
    u32::try_from(seconds / SECONDS_A_DAY).unwrap_or(u32::MAX)
}

/// The key scheme of a section with passphrases.
pub(super) struct DayKeys<'s, R> {
    section: &'s Section<'s, R>,
    passphrases: &'s PassphraseList,
}

impl<'s, R> DayKeys<'s, R> {
    pub(super) fn new(section: &'s Section<'s, R>, passphrases: &'s PassphraseList) -> Self {
        Self {
            section,
            passphrases,
        }
    }
}

impl<R: Random + Clone> KeyScheme<R> for DayKeys<'_, R> {
    fn seals_with(&self, _: u64) -> Result<u64, SealError> {
        let first = self.passphrases.first().map(|passphrase| passphrase.id());
        first.ok_or(SealError::NoKey)
    }

    fn positions(&self, _: u64) -> Vec<usize> {
        (0..self.passphrases.len()).collect()
    }

    fn standing(&self, secret: u64, _: u64) -> Option<Standing> {
        self.passphrases.position(secret).map(Standing::in_list)
    }

    fn period(&self, now: u64) -> u64 {
        day(now).into()
    }

    fn sealing(
        &self,
        now: u64,
        _: &mut RandomBlock<R>,
    ) -> Result<(SealingContext, Cost), SealError> {
        let (section, masters) = (self.section, &self.section.keyring.masters);
        let (_, cipher, enc) = section.jwe_ciphers().next().ok_or(SealError::NoKey)?;
        let passphrase = self.passphrases.first().ok_or(SealError::NoKey)?;
        let (purpose, digest) = (section.settings.purpose, section.jwe_digest());
        let slot = masters.slot(passphrase, digest);
        let account = (section.payer, KeyUse::Sealing);
        let master = masters
            .find_or_derive(&slot, (passphrase, digest), account, now)?
            .ok_or(SealError::TooManyKeys)?;
        let day = day(now);
        let kid = Kid {
            key_id: master.key.key_id()?,
            day,
        };
        let key = master.key.day_key(enc, day, cipher.key_length())?;
        let made = SealingContext {
            context: AeadContext::sealing(cipher, &key)?,
            header: header::direct(enc, &kid, purpose),
            encrypted_key: String::new(),
            source: section.key_source(passphrase.id(), cipher),
            counted_as: counted_as(passphrase),
            period: self.period(now),
            purpose: purpose.cloned(),
        };
        Ok((made, Cost::of_derivation(master.is_new)))
    }

    fn opening(&self, parts: &Parts<'_>, now: u64) -> Result<(OpeningContext, Cost), OpenError> {
        let (section, masters) = (self.section, &self.section.keyring.masters);
        let (purpose, digest) = (section.settings.purpose, section.jwe_digest());
        if !parts.encrypted_key.is_empty() {
            return Err(OpenError::Refused(Refusal::Header));
        }
        let header = Header::read(parts.header)?;
        let mut ciphers = section.jwe_ciphers();
        let cipher = ciphers.find(|(_, _, enc)| header.has_enc(enc));
        let (_, cipher, enc) = cipher.ok_or(Refusal::Header)?;
        let kid = header.direct(purpose)?;
        let (passphrase, cost) = self.passphrase(&kid.key_id, now)?;
        let slot = masters.slot(passphrase, digest);
        let master = masters.known(&slot, now).ok_or(Refusal::UnknownKey)?;
        passphrase.note_use();
        let key = master.day_key(enc, kid.day, cipher.key_length())?;
        let context = AeadContext::opening(cipher, &key)?;
        let source = section.key_source(passphrase.id(), cipher);
        let opening =
            OpeningContext::new(context, (source, counted_as(passphrase)), parts, purpose);
        Ok((opening, cost))
    }

    /// Notes the master keys for [`Keyring::jobs`](crate::Keyring::jobs),
    /// because each takes a tenth of a second.
    fn ahead(&self, _: u64) -> Result<usize, LibraryError> {
        self.note_masters();
        Ok(0)
    }

    fn user_id(
        &self,
        position: usize,
        user: &NamedUser<'_>,
        now: u64,
    ) -> Result<[u8; USER_ID], UserIdError> {
        let (section, masters) = (self.section, &self.section.keyring.masters);
        let passphrase = self.passphrases.iter().nth(position);
        let passphrase = passphrase.ok_or(UserIdError::NoKey)?;
        let digest = section.jwe_digest();
        let slot = masters.slot(passphrase, digest);
        let master = match masters.known(&slot, now) {
            Some(master) => master,
            None => {
                let account = (section.payer, KeyUse::Opening);
                let found = masters.find_or_derive(&slot, (passphrase, digest), account, now)?;
                found.ok_or(UserIdError::TooManyKeys)?.key
            }
        };
        Ok(master.user_key()?.id(user))
    }

    fn users_ahead(&self) -> Result<(), LibraryError> {
        self.note_masters();
        Ok(())
    }
}

impl<R: Random + Clone> DayKeys<'_, R> {
    fn note_masters(&self) {
        for passphrase in self.passphrases.iter() {
            let masters = &self.section.keyring.masters;
            masters.note(passphrase, self.section.jwe_digest());
        }
    }

    /// Finds the passphrase that has a key id.
    ///
    /// The search costs nothing if the parent has derived all master keys; otherwise it may
    /// derive some.
    fn passphrase(
        &self,
        key_id: &[u8; KEY_ID],
        now: u64,
    ) -> Result<(&Arc<Passphrase>, Cost), OpenError> {
        let (section, masters) = (self.section, &self.section.keyring.masters);
        let digest = section.jwe_digest();
        let key_id_of = |passphrase: &Passphrase| {
            let slot = masters.slot(passphrase, digest);
            let master = masters.known(&slot, now);
            master.map(MasterKey::key_id).transpose()
        };
        let account = (section.payer, KeyUse::Opening);
        let mut is_new = false;
        for left in (0..=MOST_FOR_A_TOKEN).rev() {
            let underived = match self.passphrases.by_key_id(digest, key_id, key_id_of)? {
                KeyIdMatch::Found(passphrase) => {
                    return Ok((passphrase, Cost::of_derivation(is_new)));
                }
                KeyIdMatch::Underived(passphrase) if left > 0 => passphrase,
                KeyIdMatch::Underived(_) | KeyIdMatch::Unknown => break,
            };
            let slot = masters.slot(underived, digest);
            let found = masters.find_or_derive(&slot, (underived, digest), account, now)?;
            let Some(master) = found else {
                break;
            };
            is_new |= master.is_new;
        }
        Err(OpenError::Refused(Refusal::UnknownKey))
    }
}

/// How a token under a passphrase is counted.
fn counted_as(passphrase: &Passphrase) -> CountedAs {
    CountedAs {
        format: TokenFormat::Jwe,
        key: passphrase.counter.load(),
    }
}
