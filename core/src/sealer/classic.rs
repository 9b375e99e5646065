//! Sealing and opening in the classic format.

use std::num::NonZeroUsize;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::derivation::{CLASSIC_SALT, ClassicKey, KEY_LENGTH};
use crate::arena::{Arena, Text};
use crate::cache::slot::Obtained;
use crate::classic::cbc::CbcContext;
use crate::classic::token::{self, SealInput, Token};
use crate::counters::event::{Event, TokenFormat};
use crate::counters::key::CountedAs;
use crate::error::{LibraryError, OpenError, Refusal};
use crate::keyring::contexts::Contexts;
use crate::keyring::hour;
use crate::keyring::random::Random;
use crate::passphrase::classic_keys::{ClassicKeyId, ClassicKeySlot};
use crate::passphrase::list::PassphraseList;
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::call::{Cost, Now, Opened, OpeningKey, Sealed};
use crate::sealer::foreign_salts::TokenKey;
use crate::sealer::section::Section;

impl<R: Random + Clone> Section<'_, R> {
    /// Turns a session into a token under the key of this hour.
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
            Some((of_hour, salt)) if of_hour == hour => salt,
            _ => self.new_salt(hour, contexts),
        };
        let id = self.key_id(passphrase, &salt);
        let context = &mut contexts.classic_sealing;
        let mut is_new = false;
        if !context.has_key(&id, cipher) {
            let slot = self.keyring.sealing_slot(&id, passphrase);
            is_new = self.set_up(context, (&id, slot), passphrase, cipher, block_size)?;
        }
        let nonce = contexts.random.take()?;
        let input = SealInput {
            passphrase,
            block_size,
            salt,
            nonce,
        };
        let token = token::seal(context, session, &input, &mut contexts.scratch, arena)?;
        self.count_sealed(classic(passphrase), now);
        Ok(Sealed {
            token,
            cost: Cost::of_derivation(is_new),
        })
    }

    #[cold]
    fn new_salt(&self, hour: u64, contexts: &mut Contexts<R>) -> [u8; CLASSIC_SALT] {
        contexts.salt.insert((hour, self.keyring.salt(hour))).1
    }

    /// Turns a token back into a session, with the passphrase that its MAC shows.
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
        let (position, passphrase) = passphrases
            .iter()
            .enumerate()
            .find(|(_, passphrase)| token.is_authentic(passphrase))
            .ok_or(Refusal::NotAuthentic)?;
        let id = self.key_id(passphrase, token.salt());
        let mut key = TokenKey::new(passphrase, &id);
        let opened = self.decrypt(
            (&token, position),
            &mut key,
            now,
            &mut contexts.classic_opening,
            arena,
        );
        self.judge(&token, &key, now, &opened);
        let mut opened = opened?;
        let position = position.saturating_add(self.settings.secrets.count_before_passphrases());
        opened.key.position = position;
        opened.stale |= position != 0;
        self.count_opened(classic(passphrase), now);
        Ok(opened)
    }

    /// Decrypts an authentic token with the first cipher that gives a session.
    fn decrypt<'a>(
        &self,
        (token, position): (&Token<'_>, usize),
        key: &mut TokenKey<'_>,
        now: Now,
        context: &mut CbcContext,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        let (id, passphrase) = (key.id, key.passphrase);
        let is_only_cipher = self.classic_ciphers().nth(1).is_none();
        let (mut fallback, mut is_new) = (None, false);
        for (index, cipher, block_size) in self.classic_ciphers() {
            if !token.is_of_blocks(block_size) {
                continue;
            }
            if !context.has_key(id, cipher) {
                let slot = self.key_slot(token, key, now)?;
                is_new |= self.set_up(context, (id, slot), passphrase, cipher, block_size)?;
            }
            let Some(session) = token.decrypt(context, block_size, arena)? else {
                continue;
            };
            let opened = Opened {
                session,
                stale: index != 0,
                key: OpeningKey {
                    position,
                    has_purpose: false,
                },
                cost: Cost::of_derivation(is_new),
            };
            // A wrong cipher may find right padding by chance, but hardly ever text, which
            // all of mod_session's sessions are.
            if is_only_cipher || is_text(session) {
                return Ok(opened);
            }
            fallback.get_or_insert(opened);
        }
        fallback.ok_or(OpenError::Refused(Refusal::OtherAlgorithm))
    }

    /// Sets a context up with the key of a slot; returns whether the key was derived now.
    #[cold]
    fn set_up(
        &self,
        context: &mut CbcContext,
        (id, slot): (&ClassicKeyId, ClassicKeySlot),
        passphrase: &Passphrase,
        cipher: &Cipher,
        block_size: NonZeroUsize,
    ) -> Result<bool, LibraryError> {
        let Obtained { key, is_new } = slot.get(|| {
            ClassicKey::derive(
                passphrase.secret(),
                self.classic_digest(),
                &id.salt,
                id.length,
            )
        })?;
        if is_new {
            self.keyring.counters.count(Event::Derivation, 0);
        }
        context.set_key(id, cipher, block_size, key.prefix(cipher.key_length()))?;
        Ok(is_new)
    }

    /// The id of the key for a salt, long enough for every classic cipher of the section.
    fn key_id(&self, passphrase: &Passphrase, salt: &[u8; CLASSIC_SALT]) -> ClassicKeyId {
        let longest = self
            .classic_ciphers()
            .map(|(_, cipher, _)| cipher.key_length())
            .max();
        ClassicKeyId {
            passphrase: passphrase.id(),
            digest: self.classic_digest().id(),
            length: longest.unwrap_or_default().max(KEY_LENGTH),
            salt: *salt,
        }
    }
}

/// How a token under a passphrase is counted.
fn classic(passphrase: &Passphrase) -> CountedAs {
    CountedAs {
        format: TokenFormat::Classic,
        key: passphrase.counter.load(),
    }
}

/// Whether a session is printable ASCII. A wrong key gives that once in 10⁵ tokens of one
/// block of 64 bits, and far more seldom in longer ones.
fn is_text(session: Text<'_>) -> bool {
    session
        .to_bytes()
        .iter()
        .all(|byte| matches!(byte, b' '..=b'~'))
}
