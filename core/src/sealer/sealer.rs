//! Which passphrase and which cipher seals, and which ones open.
//!
//! What is special to a wire format is in `sealer/classic.rs` and
//! `sealer/jwe.rs`, and where their keys come from in `sealer/foreign_salts.rs`,
//! `sealer/day_keys.rs` and `sealer/wrapped_keys.rs`; here is what they share,
//! and the choice between them.

use std::ffi::CStr;
use std::fmt;

use memchr::memchr;

use crate::algorithm::cipher::{Cipher, Format};
use crate::algorithm::defaults::Defaults;
use crate::algorithm::digest::Digest;
use crate::arena::Arena;
use crate::certificate::identity::Identities;
use crate::engine::engine::Engine;
use crate::error::{OpenError, Refusal, SealError};
use crate::keyring::contexts::Workbench;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::{OpenSslRandom, Random};
use crate::limits::{MAX_SESSION, MAX_TOKEN};
use crate::passphrase::allowance::Payer;
use crate::passphrase::list::PassphraseList;
use crate::purpose::Purpose;

/// What one section of a configuration says.
#[derive(Clone, Copy, Debug)]
pub struct Settings<'c> {
    /// The first seals, all open.
    pub keys: Keys<'c>,
    /// The first seals, all open; a cipher stands for its wire format too.
    pub ciphers: &'c [Cipher],
    /// What derives keys from passphrases; SHA-1 for the classic format and
    /// SHA-256 for JWE, if there is none.
    pub digest: Option<&'c Digest>,
    /// What the sessions are for.
    pub purpose: Option<&'c Purpose>,
    /// Where algorithms come from that the section does not name.
    pub engine: Option<&'c Engine>,
}

/// What sessions are sealed under.
#[derive(Clone, Copy, Debug)]
pub enum Keys<'c> {
    /// Secrets that servers share.
    Passphrases(&'c PassphraseList),
    /// Certificates with their private keys; JWE only.
    Certificates(&'c Identities),
}

/// Seals and opens sessions as one section of a configuration asks for.
///
/// It only refers to what the section and the keyring hold, so it costs
/// nothing to make one for each request.
pub struct Sealer<'c, R = OpenSslRandom> {
    pub(super) keyring: &'c Keyring<R>,
    pub(super) settings: Settings<'c>,
    payer: Payer,
}

/// When and where a session is sealed or opened.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Unix time in seconds.
    pub now: u64,
    /// The number of the processor that runs this thread, or any number that
    /// few threads share at a time: which kept contexts to try first.
    pub processor: usize,
}

/// A token, and what it took to make.
pub struct Sealed<'a> {
    /// The token: printable ASCII.
    pub token: &'a CStr,
    /// A key was derived: milliseconds instead of microseconds.
    pub derived: bool,
}

/// A session, and what it took to open.
pub struct Opened<'a> {
    /// The session as mod_session encoded it.
    pub session: &'a CStr,
    /// The token was not made by what seals now: save the session again.
    pub stale: bool,
    /// A key was derived: milliseconds instead of microseconds.
    pub derived: bool,
}

impl<'c, R: Random + Clone> Sealer<'c, R> {
    /// Seals and opens as `settings` say.
    pub fn new(keyring: &'c Keyring<R>, settings: Settings<'c>) -> Self {
        Self {
            keyring,
            settings,
            payer: Payer::Server,
        }
    }

    /// Says who pays for master keys that follow from his digest or cipher, under
    /// passphrases that may be the server's.
    #[must_use]
    pub fn paid_by(mut self, payer: Payer) -> Self {
        self.payer = payer;
        self
    }

    pub(super) fn payer(&self, passphrases: &PassphraseList) -> Payer {
        self.payer.or(passphrases.payer())
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
        call: Call,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, SealError> {
        if session.len() > MAX_SESSION {
            return Err(SealError::TooLarge);
        }
        let cipher = self.settings.ciphers.first().ok_or(SealError::NoKey)?;
        let with = |bench: &mut Workbench<R>| match (cipher.format(), self.settings.keys) {
            (Format::Classic { block_size }, Keys::Passphrases(list)) => {
                let passphrase = list.first().ok_or(SealError::NoKey)?;
                let sealed = self.seal_classic(
                    session,
                    call,
                    (passphrase, cipher),
                    block_size,
                    bench,
                    arena,
                );
                Ok(sealed?)
            }
            (Format::Classic { .. }, Keys::Certificates(_)) => Err(SealError::NoKey),
            (Format::Jwe { enc }, _) => self.seal_jwe(session, call, (cipher, enc), bench, arena),
        };
        self.keyring.benches.with(call.processor, with)
    }

    /// Makes a session of a token.
    ///
    /// # Errors
    ///
    /// The token is refused, which is an everyday thing, or OpenSSL fails.
    pub fn open<'a>(
        &self,
        token: &[u8],
        call: Call,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        if token.len() > MAX_TOKEN {
            return Err(OpenError::Refused(Refusal::TooLong));
        }
        self.keyring.benches.with(call.processor, |bench| {
            // base64 has no dot, and JWE four.
            match (memchr(b'.', token), self.settings.keys) {
                (Some(_), _) => self.open_jwe(token, call.now, bench, arena),
                (None, Keys::Passphrases(list)) => {
                    self.open_classic(token, list, call, bench, arena)
                }
                (None, Keys::Certificates(_)) => Err(OpenError::Refused(Refusal::Format)),
            }
        })
    }

    pub(super) fn defaults(&self) -> &Defaults {
        match self.settings.engine {
            Some(engine) => &engine.defaults,
            None => self.keyring.defaults(),
        }
    }
}

impl<R> fmt::Debug for Sealer<'_, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}
