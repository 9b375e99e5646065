//! Which passphrase and which cipher seals, and which ones open.

use std::ffi::CStr;
use std::fmt;
use std::sync::Arc;

use crate::classic::{self, Token, Under};
use crate::derivation::{CLASSIC_SALT, ClassicKey, KEY_LENGTH};
use crate::hour;
use crate::key_cache::{KeyName, SharedKey};
use crate::workbench::KeyedContext;
use crate::{
    Arena, Cipher, Digest, Keyring, LibraryError, OpenError, OpenSslRandom, Passphrase, Random,
    Refusal, SealError,
};

/// Seals sessions under the first passphrase and cipher, and opens them under
/// any: what one section of a configuration asks for.
///
/// It only refers to what the section and the keyring hold, so it costs
/// nothing to make one for each request.
pub struct Sealer<'c, R = OpenSslRandom> {
    keyring: &'c Keyring<R>,
    passphrases: &'c [Arc<Passphrase>],
    ciphers: &'c [Cipher],
    digest: &'c Digest,
    key_length: usize,
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

/// The longest session, in bytes: 512 KiB. Cookies end at 4 KiB, and a
/// database has no use for more; the bound keeps every length an `int`.
pub(crate) const MAX_SESSION: usize = 512 * 1024;

/// The longest token, in characters: base64 of the longest session, and room
/// for any header.
pub(crate) const MAX_TOKEN: usize = 1024 * 1024;

impl<'c, R: Random + Clone> Sealer<'c, R> {
    /// Puts together what a section says, in the order it says it.
    pub fn new(
        keyring: &'c Keyring<R>,
        passphrases: &'c [Arc<Passphrase>],
        ciphers: &'c [Cipher],
        digest: &'c Digest,
    ) -> Self {
        let longest = ciphers
            .iter()
            .map(Cipher::key_length)
            .max()
            .unwrap_or_default();
        Self {
            keyring,
            passphrases,
            ciphers,
            digest,
            key_length: longest.max(KEY_LENGTH),
        }
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
        let (Some(passphrase), Some(cipher)) = (self.passphrases.first(), self.ciphers.first())
        else {
            return Err(SealError::NoKey);
        };
        let hour = hour::hour(call.now);
        self.keyring.benches.with(call.processor, |bench| {
            let salt = match bench.salt {
                Some((held, salt)) if held == hour => salt,
                _ => bench.salt.insert((hour, self.keyring.salt(hour))).1,
            };
            let name = self.key_name(passphrase, &salt);
            let place = || self.keyring.sealing_place(&name, passphrase);
            let context = &mut bench.sealing;
            let derived = self.set_up(context, &name, passphrase, cipher, place)?;
            let nonce = bench.random.take()?;
            let under = Under {
                passphrase,
                cipher,
                salt,
                nonce,
            };
            let token = classic::seal(context, session, &under, &mut bench.scratch, arena)?;
            Ok(Sealed { token, derived })
        })
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
            let token = Token::decode(token, &mut bench.scratch)?;
            let (index, passphrase) = self
                .passphrases
                .iter()
                .enumerate()
                .find(|(_, passphrase)| token.is_authentic(passphrase))
                .ok_or(Refusal::NotAuthentic)?;
            let mut opened = self.decrypt(&token, passphrase, &mut bench.opening, arena)?;
            opened.stale |= index != 0;
            Ok(opened)
        })
    }

    /// Decrypts an authentic token with the first cipher that makes sense of it.
    fn decrypt<'a>(
        &self,
        token: &Token<'_>,
        passphrase: &Passphrase,
        context: &mut KeyedContext,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        let name = self.key_name(passphrase, token.salt());
        let place = || self.keyring.place(&name, passphrase);
        let (mut fallback, mut derived) = (None, false);
        for (index, cipher) in self.ciphers.iter().enumerate() {
            derived |= self.set_up(context, &name, passphrase, cipher, place)?;
            let Some(session) = token.decrypt(context, cipher, arena)? else {
                continue;
            };
            let opened = Opened {
                session,
                stale: index != 0,
                derived,
            };
            // Of several ciphers, a wrong one may find its padding by chance,
            // but then hardly text, which all of mod_session's sessions are.
            if self.ciphers.len() == 1 || is_text(session) {
                return Ok(opened);
            }
            fallback.get_or_insert(opened);
        }
        fallback.ok_or(OpenError::Refused(Refusal::OtherAlgorithm))
    }

    /// Gives a context its key, unless it has it; says whether the key had to
    /// be derived.
    fn set_up(
        &self,
        context: &mut KeyedContext,
        name: &KeyName,
        passphrase: &Passphrase,
        cipher: &Cipher,
        place: impl FnOnce() -> SharedKey,
    ) -> Result<bool, LibraryError> {
        if context.holds(name, cipher) {
            return Ok(false);
        }
        let place = place();
        let (key, derived) = place
            .get(|| ClassicKey::derive(passphrase, self.digest.evp(), &name.salt, name.length))?;
        context.set_key(name, cipher, key.prefix(cipher.key_length()))?;
        Ok(derived)
    }

    fn key_name(&self, passphrase: &Passphrase, salt: &[u8; CLASSIC_SALT]) -> KeyName {
        KeyName {
            passphrase: passphrase.id(),
            digest: self.digest.id(),
            length: self.key_length,
            salt: *salt,
        }
    }
}

/// Printable ASCII: what a wrong key leaves less than once in 10⁸ times.
fn is_text(session: &CStr) -> bool {
    session
        .to_bytes()
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~'))
}

impl<R> fmt::Debug for Sealer<'_, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}
