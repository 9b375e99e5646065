//! Sealing and opening in the classic format.

use std::ffi::CStr;
use std::num::NonZeroUsize;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey, KEY_LENGTH};
use crate::arena::Arena;
use crate::classic::cbc::KeyedContext;
use crate::classic::token::{self, Token, Under};
use crate::error::{LibraryError, OpenError, Refusal};
use crate::keyring::contexts::Contexts;
use crate::keyring::hour;
use crate::keyring::random::Random;
use crate::passphrase::classic_keys::{KeyName, SharedKey};
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::call::{Cost, Now, Opened, Sealed};
use crate::sealer::foreign_salts::TokenKey;
use crate::sealer::section::Section;

impl<R: Random + Clone> Section<'_, R> {
    pub(super) fn seal_classic<'a>(
        &self,
        session: &[u8],
        now: Now,
        (passphrase, cipher): (&Passphrase, &Cipher),
        block_size: NonZeroUsize,
        contexts: &mut Contexts<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, LibraryError> {
        let hour = hour::hour(now.seconds);
        let salt = match contexts.salt {
            Some((held, salt)) if held == hour => salt,
            _ => contexts.salt.insert((hour, self.keyring.salt(hour))).1,
        };
        let name = self.key_name(passphrase, &salt);
        let place = || self.keyring.sealing_slot(&name, passphrase);
        let context = &mut contexts.sealing;
        let derived = self.set_up(context, &name, passphrase, cipher, block_size, place)?;
        let nonce = contexts.random.take()?;
        let under = Under {
            passphrase,
            block_size,
            salt,
            nonce,
        };
        let token = token::seal(context, session, &under, &mut contexts.scratch, arena)?;
        Ok(Sealed {
            token,
            cost: Cost::of_derivation(derived),
        })
    }

    pub(super) fn open_classic<'a>(
        &self,
        token: &[u8],
        passphrases: &PassphraseList,
        now: Now,
        contexts: &mut Contexts<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        if self.classic_ciphers().next().is_none() {
            return Err(OpenError::Refused(Refusal::Format));
        }
        let token = Token::decode(token, &mut contexts.scratch)?;
        let (index, passphrase) = passphrases
            .iter()
            .enumerate()
            .find(|(_, passphrase)| token.is_authentic(passphrase))
            .ok_or(Refusal::NotAuthentic)?;
        let name = self.key_name(passphrase, token.salt());
        let mut key = TokenKey::new(passphrase, &name);
        let opened = self.decrypt(&token, &mut key, now, &mut contexts.opening, arena);
        self.judge(&token, &key, now, &opened);
        let mut opened = opened?;
        opened.stale |= index != 0;
        Ok(opened)
    }

    /// Decrypts an authentic token with the first cipher that makes sense of it.
    fn decrypt<'a>(
        &self,
        token: &Token<'_>,
        key: &mut TokenKey<'_>,
        now: Now,
        context: &mut KeyedContext,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        let (name, passphrase) = (key.name, key.passphrase);
        let is_alone = self.classic_ciphers().nth(1).is_none();
        let (mut fallback, mut derived) = (None, false);
        for (index, cipher, block_size) in self.classic_ciphers() {
            if !token.is_of_blocks(block_size) {
                continue;
            }
            if !context.holds(name, cipher) {
                let place = self.place(token, key, now)?;
                derived |= self.set_up(context, name, passphrase, cipher, block_size, || place)?;
            }
            let Some(session) = token.decrypt(context, block_size, arena)? else {
                continue;
            };
            let opened = Opened {
                session,
                stale: index != 0,
                cost: Cost::of_derivation(derived),
            };
            // Of several ciphers, a wrong one may find its padding by chance,
            // but then hardly text, which all of mod_session's sessions are.
            if is_alone || is_text(session) {
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
        block_size: NonZeroUsize,
        place: impl FnOnce() -> SharedKey,
    ) -> Result<bool, LibraryError> {
        if context.holds(name, cipher) {
            return Ok(false);
        }
        let place = place();
        let (key, derived) = place.get(|| {
            ClassicKey::derive(
                passphrase.secret(),
                self.classic_digest(),
                &name.salt,
                name.length,
            )
        })?;
        context.set_key(name, cipher, block_size, key.prefix(cipher.key_length()))?;
        Ok(derived)
    }

    fn key_name(&self, passphrase: &Passphrase, salt: &[u8; CLASSIC_SALT]) -> KeyName {
        let longest = self
            .classic_ciphers()
            .map(|(_, cipher, _)| cipher.key_length())
            .max();
        KeyName {
            passphrase: passphrase.id(),
            digest: self.classic_digest().id(),
            length: longest.unwrap_or_default().max(KEY_LENGTH),
            salt: *salt,
        }
    }
}

/// Printable ASCII: what a wrong key leaves once in 10⁵ tokens of one block of
/// 64 bits, and far more seldom in any longer one.
fn is_text(session: &CStr) -> bool {
    session
        .to_bytes()
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~'))
}
