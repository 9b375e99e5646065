//! Sealing and opening as JWE, wherever the keys come from.

use std::ffi::CStr;

use crate::algorithm::cipher::{Cipher, Format};
use crate::algorithm::digest::Digest;
use crate::arena::Arena;
use crate::error::{LibraryError, OpenError, Refusal, SealError};
use crate::jwe::compact::{self, Parts};
use crate::jwe::contexts::{ContentKeyName, OpeningContext};
use crate::keyring::contexts::Workbench;
use crate::keyring::random::Random;
use crate::sealer::sealer::{Call, Keys, Opened, Sealed, Sealer};

impl<R: Random + Clone> Sealer<'_, R> {
    pub(super) fn seal_jwe<'a>(
        &self,
        session: &[u8],
        call: Call,
        (cipher, enc): (&Cipher, &str),
        bench: &mut Workbench<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, SealError> {
        let name = match self.settings.keys {
            Keys::Passphrases(list) => self.day_key_name(list, cipher, call.now),
            Keys::Certificates(list) => self.wrapped_key_name(list, cipher, call.now),
        };
        let name = name.ok_or(SealError::NoKey)?;
        let mut derived = false;
        let held = bench
            .jwe_sealing
            .take()
            .filter(|held| held.is_for(&name, self.settings.purpose));
        let sealing = bench.jwe_sealing.insert(match held {
            Some(held) => held,
            None => {
                let (made, was_derived) = match self.settings.keys {
                    Keys::Passphrases(list) => {
                        self.seal_under_day_key(name, list, (cipher, enc), call.now)?
                    }
                    Keys::Certificates(list) => {
                        self.seal_under_wrapped_key(name, list, cipher, enc, &mut bench.random)?
                    }
                };
                derived = was_derived;
                made
            }
        });
        let nonce = bench.random.take()?;
        bench.scratch.clear();
        bench.scratch.extend_from_slice(session);
        let header = sealing.header.as_bytes();
        let tag = sealing.context.seal(&nonce, header, &mut bench.scratch)?;
        let encrypted_key = sealing.encrypted_key.as_bytes();
        let text = arena.bytes(compact::token_length(header, encrypted_key, session.len()));
        let token = compact::write(text, (header, encrypted_key), &nonce, &bench.scratch, &tag)
            .ok_or_else(|| LibraryError::impossible("seal"))?;
        Ok(Sealed { token, derived })
    }

    pub(super) fn open_jwe<'a>(
        &self,
        token: &[u8],
        now: u64,
        bench: &mut Workbench<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        if self.jwe_ciphers().next().is_none() {
            return Err(OpenError::Refused(Refusal::Format));
        }
        let parts = Parts::of(token)?;
        let is_ours = |name: &ContentKeyName| self.position(name).is_some();
        if let Some(held) = bench
            .jwe_opening
            .find(&parts, self.settings.purpose, is_ours)
        {
            let session = decrypt(held, &parts, arena)?.ok_or(Refusal::Tag)?;
            let stale = self.position(&held.name) != Some((0, 0));
            return Ok(Opened {
                session,
                stale,
                derived: false,
            });
        }
        let (mut opening, derived) = match self.settings.keys {
            Keys::Passphrases(list) => self.open_under_day_key(list, &parts, now),
            Keys::Certificates(list) => self.open_under_wrapped_key(list, &parts),
        }?;
        let session = decrypt(&mut opening, &parts, arena)?.ok_or(Refusal::Tag)?;
        let stale = self.position(&opening.name) != Some((0, 0));
        // Only now: whoever makes up a day must not push a key out.
        bench.jwe_opening.keep(opening);
        Ok(Opened {
            session,
            stale,
            derived,
        })
    }

    /// Where a content key's passphrase or certificate and its cipher stand in
    /// the lists of this section, if this section uses it at all.
    fn position(&self, name: &ContentKeyName) -> Option<(usize, usize)> {
        let (key, cipher) = match (name, self.settings.keys) {
            (
                ContentKeyName::Day {
                    passphrase,
                    digest,
                    cipher,
                    ..
                },
                Keys::Passphrases(list),
            ) if *digest == self.jwe_digest().id() => (list.find(*passphrase)?.0, cipher),
            (
                ContentKeyName::Wrapped {
                    identity,
                    wrapping,
                    cipher,
                    ..
                },
                Keys::Certificates(list),
            ) => {
                let (index, identity) = list.find(*identity)?;
                let is_ours = identity
                    .wrapping(self.jwe_digest())
                    .is_ok_and(|ours| ours == *wrapping);
                (is_ours.then_some(index)?, cipher)
            }
            _ => return None,
        };
        let (cipher, _, _) = self
            .jwe_ciphers()
            .find(|(_, known, _)| known.id() == *cipher)?;
        Some((key, cipher))
    }

    /// The ciphers of this format, and where they stand in the whole list.
    pub(super) fn jwe_ciphers(&self) -> impl Iterator<Item = (usize, &Cipher, &'static str)> {
        let ciphers = self.settings.ciphers.iter().enumerate();
        ciphers.filter_map(|(index, cipher)| match cipher.format() {
            Format::Jwe { enc } => Some((index, cipher, enc)),
            Format::Classic { .. } => None,
        })
    }

    pub(super) fn jwe_digest(&self) -> &Digest {
        self.settings.digest.unwrap_or(&self.defaults().jwe_digest)
    }
}

/// Decrypts a token; `None` if its tag is wrong.
fn decrypt<'a>(
    opening: &mut OpeningContext,
    parts: &Parts<'_>,
    arena: &impl Arena<'a>,
) -> Result<Option<&'a CStr>, OpenError> {
    let length = parts.session_length()?;
    // One byte more, for the NUL.
    let bytes = arena.bytes(length.saturating_add(1));
    let text = bytes
        .get_mut(..length)
        .ok_or_else(|| LibraryError::impossible("open"))?;
    parts.decode_ciphertext(text)?;
    if !opening
        .context
        .open(&parts.nonce, parts.header, text, &parts.tag)?
    {
        return Ok(None);
    }
    let session = CStr::from_bytes_with_nul(bytes).map_err(|_| Refusal::OtherAlgorithm)?;
    Ok(Some(session))
}
