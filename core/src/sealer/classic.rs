//! Sealing and opening in the classic format.

use std::ffi::CStr;
use std::num::NonZeroUsize;

use crate::algorithm::cipher::{Cipher, Format};
use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey, KEY_LENGTH};
use crate::algorithm::digest::Digest;
use crate::arena::Arena;
use crate::classic::cbc::KeyedContext;
use crate::classic::token::{self, Token, Under};
use crate::error::{LibraryError, OpenError, Refusal};
use crate::keyring::contexts::Workbench;
use crate::keyring::hour;
use crate::keyring::random::Random;
use crate::passphrase::classic_keys::{KeyName, SharedKey};
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::foreign_salts::TokenKey;
use crate::sealer::sealer::{Call, Opened, Sealed, Sealer};

impl<R: Random + Clone> Sealer<'_, R> {
    pub(super) fn seal_classic<'a>(
        &self,
        session: &[u8],
        call: Call,
        (passphrase, cipher): (&Passphrase, &Cipher),
        block_size: NonZeroUsize,
        bench: &mut Workbench<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, LibraryError> {
        let hour = hour::hour(call.now);
        let salt = match bench.salt {
            Some((held, salt)) if held == hour => salt,
            _ => bench.salt.insert((hour, self.keyring.salt(hour))).1,
        };
        let name = self.key_name(passphrase, &salt);
        let place = || self.keyring.sealing_place(&name, passphrase);
        let context = &mut bench.sealing;
        let derived = self.set_up(context, &name, passphrase, cipher, block_size, place)?;
        let nonce = bench.random.take()?;
        let under = Under {
            passphrase,
            block_size,
            salt,
            nonce,
        };
        let token = token::seal(context, session, &under, &mut bench.scratch, arena)?;
        Ok(Sealed { token, derived })
    }

    pub(super) fn open_classic<'a>(
        &self,
        token: &[u8],
        passphrases: &PassphraseList,
        call: Call,
        bench: &mut Workbench<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        if self.classic_ciphers().next().is_none() {
            return Err(OpenError::Refused(Refusal::Format));
        }
        let token = Token::decode(token, &mut bench.scratch)?;
        let (index, passphrase) = passphrases
            .iter()
            .enumerate()
            .find(|(_, passphrase)| token.is_authentic(passphrase))
            .ok_or(Refusal::NotAuthentic)?;
        let name = self.key_name(passphrase, token.salt());
        let mut key = TokenKey::new(passphrase, &name);
        let opened = self.decrypt(&token, &mut key, call, &mut bench.opening, arena);
        self.judge(&token, &key, call, &opened);
        let mut opened = opened?;
        opened.stale |= index != 0;
        Ok(opened)
    }

    /// Decrypts an authentic token with the first cipher that makes sense of it.
    fn decrypt<'a>(
        &self,
        token: &Token<'_>,
        key: &mut TokenKey<'_>,
        call: Call,
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
                let place = self.place(token, key, call)?;
                derived |= self.set_up(context, name, passphrase, cipher, block_size, || place)?;
            }
            let Some(session) = token.decrypt(context, block_size, arena)? else {
                continue;
            };
            let opened = Opened {
                session,
                stale: index != 0,
                derived,
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

    /// The ciphers of this format, and where they stand in the whole list.
    pub(super) fn classic_ciphers(&self) -> impl Iterator<Item = (usize, &Cipher, NonZeroUsize)> {
        let ciphers = self.settings.ciphers.iter().enumerate();
        ciphers.filter_map(|(index, cipher)| match cipher.format() {
            Format::Classic { block_size } => Some((index, cipher, block_size)),
            Format::Jwe { .. } => None,
        })
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

    pub(super) fn classic_digest(&self) -> &Digest {
        self.settings
            .digest
            .unwrap_or(&self.defaults().classic_digest)
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
