//! Sealing and opening as JWE.

use std::ffi::CStr;

use super::{Call, Opened, Sealed, Sealer};
use crate::algorithms::Format;
use crate::derivation::Master;
use crate::jwe::{self, Parts};
use crate::jwe_keys::{self, JweKeyName, OpeningContext, SealingContext};
use crate::workbench::Workbench;
use crate::{Arena, Cipher, Digest, LibraryError, OpenError, Passphrase, Random, Refusal};

impl<R: Random + Clone> Sealer<'_, R> {
    pub(super) fn seal_jwe<'a>(
        &self,
        session: &[u8],
        call: Call,
        (passphrase, cipher): (&Passphrase, &Cipher),
        enc: &str,
        bench: &mut Workbench<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, LibraryError> {
        let (digest, purpose) = (self.jwe_digest(), self.settings.purpose);
        let name = JweKeyName {
            passphrase: passphrase.id(),
            digest: digest.id(),
            cipher: cipher.id(),
            day: jwe_keys::day(call.now),
        };
        let mut derived = false;
        let held = bench
            .jwe_sealing
            .take()
            .filter(|held| held.is_for(&name, purpose));
        let sealing = bench.jwe_sealing.insert(match held {
            Some(held) => held,
            None => {
                let make =
                    |master: &Master| SealingContext::new(name, master, cipher, enc, purpose);
                let (made, was_derived) = passphrase.with_master(digest, make)?;
                derived = was_derived;
                made?
            }
        });
        let nonce = bench.random.take()?;
        bench.scratch.clear();
        bench.scratch.extend_from_slice(session);
        let header = sealing.header.as_bytes();
        let tag = match sealing.context.seal(&nonce, header, &mut bench.scratch) {
            Ok(tag) => tag,
            Err(error) => {
                bench.jwe_sealing = None;
                return Err(error);
            }
        };
        let text = arena.bytes(jwe::token_length(header, session.len()));
        let token = jwe::write(text, header, &nonce, &bench.scratch, &tag)
            .ok_or_else(|| LibraryError::impossible("seal"))?;
        Ok(Sealed { token, derived })
    }

    pub(super) fn open_jwe<'a>(
        &self,
        token: &[u8],
        bench: &mut Workbench<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        if self.jwe_ciphers().next().is_none() {
            return Err(OpenError::Refused(Refusal::Format));
        }
        let parts = Parts::of(token)?;
        let (settings, digest) = (&self.settings, self.jwe_digest().id());
        let is_ours = |name: &JweKeyName| name.digest == digest && self.position(name).is_some();
        if let Some(held) = bench
            .jwe_opening
            .find(parts.header, settings.purpose, is_ours)
        {
            let session = decrypt(held, &parts, arena)?.ok_or(Refusal::Tag)?;
            let stale = self.position(&held.name) != Some((0, 0));
            return Ok(Opened {
                session,
                stale,
                derived: false,
            });
        }
        let (mut opening, derived) = self.opening_context(&parts)?;
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

    /// Finds the key that a token's header names.
    fn opening_context(&self, parts: &Parts<'_>) -> Result<(OpeningContext, bool), OpenError> {
        let (settings, digest) = (&self.settings, self.jwe_digest());
        for (_, cipher, enc) in self.jwe_ciphers() {
            let Some(kid) = jwe::read_header(parts.header, enc, settings.purpose)? else {
                continue;
            };
            let (passphrase, derived) = settings.passphrases.by_key_id(digest, &kid.key_id)?;
            let passphrase = passphrase.ok_or(Refusal::UnknownKey)?;
            let name = JweKeyName {
                passphrase: passphrase.id(),
                digest: digest.id(),
                cipher: cipher.id(),
                day: kid.day,
            };
            let (header, purpose) = (parts.header, settings.purpose);
            let make =
                |master: &Master| OpeningContext::new(name, master, cipher, enc, header, purpose);
            let (opening, again) = passphrase.with_master(digest, make)?;
            return Ok((opening?, derived || again));
        }
        Err(OpenError::Refused(Refusal::Header))
    }

    /// Where a key's passphrase and cipher stand in the lists of this section.
    fn position(&self, name: &JweKeyName) -> Option<(usize, usize)> {
        let (passphrase, _) = self.settings.passphrases.find(name.passphrase)?;
        let (cipher, _, _) = self
            .jwe_ciphers()
            .find(|(_, cipher, _)| cipher.id() == name.cipher)?;
        Some((passphrase, cipher))
    }

    /// The ciphers of this format, and where they stand in the whole list.
    fn jwe_ciphers(&self) -> impl Iterator<Item = (usize, &Cipher, &'static str)> {
        let ciphers = self.settings.ciphers.iter().enumerate();
        ciphers.filter_map(|(index, cipher)| match cipher.format() {
            Format::Jwe { enc } => Some((index, cipher, enc)),
            Format::Classic { .. } => None,
        })
    }

    fn jwe_digest(&self) -> &Digest {
        self.settings
            .digest
            .unwrap_or(&self.keyring.default_digests().jwe)
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
