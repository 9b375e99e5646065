//! The border of this crate: a session into a token, and a token into a session.

use std::fmt;

use memchr::memchr;

use crate::algorithm::cipher::Format;
use crate::arena::Arena;
use crate::error::{OpenError, Refusal, SealError};
use crate::keyring::contexts::Contexts;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::{OpenSslRandom, Random};
use crate::limits::{MAX_SESSION, MAX_TOKEN};
use crate::passphrase::allowance::Payer;
use crate::passphrase::list::PassphraseList;
use crate::sealer::call::{Now, Opened, Sealed};
use crate::sealer::day_keys::DayKeys;
use crate::sealer::key_scheme::KeyScheme;
use crate::sealer::section::Section;
use crate::sealer::settings::{Keys, Settings};
use crate::sealer::wrapped_keys::WrappedKeys;

/// Seals and opens sessions as one section of a configuration asks for.
///
/// It only refers to what the section and the keyring hold, so it costs
/// nothing to make one for each request.
pub struct Sealer<'c, R = OpenSslRandom> {
    pub(super) section: Section<'c, R>,
}

impl<'c, R: Random + Clone> Sealer<'c, R> {
    /// Seals and opens as `settings` say.
    pub fn new(keyring: &'c Keyring<R>, settings: Settings<'c>) -> Self {
        let payer = Payer::Server;
        let section = Section {
            keyring,
            settings,
            payer,
        };
        Self { section }
    }

    /// Names the payer for master keys that a request needs and no earlier one had
    /// derived: the author of the `.htaccess` file that asks for them, or else the
    /// server.
    #[must_use]
    pub fn paid_by(mut self, payer: Payer) -> Self {
        self.section.payer = payer;
        self
    }

    /// Makes a token of a session of at most 512 KiB.
    ///
    /// # Errors
    ///
    /// The session is larger, the section names no passphrase or cipher, or
    /// OpenSSL fails.
    pub fn seal<'a>(
        &self,
        session: &[u8],
        now: Now,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, SealError> {
        if session.len() > MAX_SESSION {
            return Err(SealError::TooLarge);
        }
        let section = &self.section;
        let cipher = section.settings.ciphers.first().ok_or(SealError::NoKey)?;
        let with = |contexts: &mut Contexts<R>| match cipher.format() {
            Format::Classic { block_size } => {
                let passphrases = section.settings.keys.passphrases();
                let passphrase = passphrases.and_then(PassphraseList::first);
                let key = (passphrase.ok_or(SealError::NoKey)?.as_ref(), cipher);
                Ok(section.seal_classic(session, now, key, block_size, contexts, arena)?)
            }
            Format::Jwe { .. } => self.with_scheme(|scheme| {
                section.seal_jwe(scheme, session, now, cipher, contexts, arena)
            }),
        };
        section.keyring.contexts.with(now.processor, with)
    }

    /// Makes a session of a token.
    ///
    /// # Errors
    ///
    /// The token is refused, which is an everyday thing, or OpenSSL fails.
    pub fn open<'a>(
        &self,
        token: &[u8],
        now: Now,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        if token.len() > MAX_TOKEN {
            return Err(OpenError::Refused(Refusal::TooLong));
        }
        let section = &self.section;
        section.keyring.contexts.with(now.processor, |contexts| {
            // base64 has no dot, and JWE four.
            if memchr(b'.', token).is_some() {
                return self
                    .with_scheme(|scheme| section.open_jwe(scheme, token, now, contexts, arena));
            }
            match section.settings.keys.passphrases() {
                Some(list) => section.open_classic(token, list, now, contexts, arena),
                None => Err(OpenError::Refused(Refusal::Format)),
            }
        })
    }

    /// Runs `work` with the key scheme of this section: the one place that tells the
    /// schemes apart.
    pub(super) fn with_scheme<T>(&self, work: impl FnOnce(&dyn KeyScheme<R>) -> T) -> T {
        match self.section.settings.keys {
            Keys::Passphrases(list) => work(&DayKeys::new(&self.section, list)),
            Keys::Certificates(list) => work(&WrappedKeys::new(&self.section, list)),
        }
    }
}

impl<R> fmt::Debug for Sealer<'_, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}
