//! The border of this crate: a session into a token, and a token into a session.
//!
//! To *seal* a session is to encrypt it, and to authenticate it, so that a change shows.
//! To *open* a token is to check that it is authentic, and to decrypt it.

use std::fmt;

use memchr::memchr;

use crate::algorithm::cipher::Format;
use crate::arena::Arena;
use crate::error::{OpenError, Refusal, SealError};
use crate::jwe::compact::Parts;
use crate::keyring::contexts::Contexts;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::{OpenSslRandom, Random};
use crate::limits::{MAX_SESSION, MAX_TOKEN};
use crate::passphrase::allowance::Payer;
use crate::sealer::call::{Now, Opened, Sealed};
use crate::sealer::day_keys::DayKeys;
use crate::sealer::key_scheme::KeyScheme;
use crate::sealer::section::Section;
use crate::sealer::set_keys::SetKeys;
use crate::sealer::settings::{Secrets, Settings};
use crate::sealer::wrapped_keys::WrappedKeys;

/// The operations of one section of a configuration: it seals sessions into tokens, and
/// opens tokens.
///
/// A sealer only borrows its settings and its keyring. So it is cheap to make one for each
/// request.
pub struct Sealer<'c, R = OpenSslRandom> {
    pub(super) section: Section<'c, R>,
}

impl<'c, R: Random + Clone> Sealer<'c, R> {
    /// Makes a sealer with these settings, whose keys are in this keyring.
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

    /// Turns a session of at most 512 KiB into a token.
    ///
    /// # Errors
    ///
    /// The session is larger, the section has no cipher or no key that encrypts, no master
    /// key may be derived now, or OpenSSL fails.
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
        section.wipe_ended(now.seconds);
        let cipher = section.settings.ciphers.first().ok_or(SealError::NoKey)?;
        let with = |contexts: &mut Contexts<R>| match cipher.format() {
            Format::Classic { block_size } => {
                let Secrets::Passphrases(passphrases) = section.settings.secrets else {
                    return Err(SealError::NoKey);
                };
                let key = (
                    passphrases.first().ok_or(SealError::NoKey)?.as_ref(),
                    cipher,
                );
                Ok(section.seal_classic(session, now, key, block_size, contexts, arena)?)
            }
            Format::Jwe { .. } => self.with_scheme(|scheme| {
                section.seal_jwe(scheme, session, now, cipher, contexts, arena)
            }),
        };
        section.keyring.contexts.with(now.processor, with)
    }

    /// Turns a token back into a session.
    ///
    /// # Errors
    ///
    /// The token is refused, which happens every day, or OpenSSL fails.
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
        section.wipe_ended(now.seconds);
        let mut outcome = section.keyring.contexts.with(now.processor, |contexts| {
            if section.has_jwe() {
                match Parts::of(token) {
                    Ok(parts) => {
                        return self.with_scheme(|scheme| {
                            section.open_jwe(scheme, &parts, now, contexts, arena)
                        });
                    }
                    Err(refusal) if has_dot(token) => return Err(OpenError::Refused(refusal)),
                    Err(_) => (),
                }
            }
            match section.settings.secrets.passphrases() {
                Some(list) => section
                    .open_classic(token, list, now, contexts, arena)
                    .map_err(|error| blame_format(error, token)),
                None => Err(OpenError::Refused(Refusal::Format)),
            }
        });
        // Changed where it is: each request would copy the outcome.
        if let Ok(opened) = &mut outcome {
            opened.stale = opened.stale && section.can_seal(now.seconds);
        }
        outcome
    }

    /// Runs `work` with the key scheme of this section. No other function distinguishes
    /// the schemes.
    pub(super) fn with_scheme<T>(&self, work: impl FnOnce(&dyn KeyScheme<R>) -> T) -> T {
        match self.section.settings.secrets {
            Secrets::Passphrases(list) => work(&DayKeys::new(&self.section, list)),
            Secrets::Certificates(list) => work(&WrappedKeys::new(&self.section, list)),
            Secrets::KeySet { keys, passphrases } => {
                work(&SetKeys::new(&self.section, keys, passphrases))
            }
        }
    }
}

/// Names the format as the fault of a token that no classic cipher gives.
#[cold]
fn blame_format(error: OpenError, token: &[u8]) -> OpenError {
    match error {
        OpenError::Refused(Refusal::Encoding) if has_dot(token) => {
            OpenError::Refused(Refusal::Format)
        }
        error => error,
    }
}

/// Whether a token may be a JWE, which has four dots. A classic token is base64, which
/// has none.
fn has_dot(token: &[u8]) -> bool {
    memchr(b'.', token).is_some()
}

impl<R> fmt::Debug for Sealer<'_, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}
