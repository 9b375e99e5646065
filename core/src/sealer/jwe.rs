//! Sealing and opening as JWE, under the keys of any scheme.

use crate::algorithm::cipher::Cipher;
use crate::arena::{Arena, Text, Writer};
use crate::error::{LibraryError, OpenError, Refusal, SealError};
use crate::jwe::compact::{self, Parts};
use crate::jwe::contexts::{KeySource, OpeningContext};
use crate::keyring::contexts::Contexts;
use crate::keyring::random::Random;
use crate::sealer::call::{Cost, Now, Opened, OpeningKey, Sealed};
use crate::sealer::key_scheme::{KeyScheme, Standing};
use crate::sealer::section::Section;
use crate::secret::marks;

impl<R: Random + Clone> Section<'_, R> {
    /// Turns a session into a token under the key of `scheme` that encrypts now.
    // Within its caller, it would have fewer registers.
    #[inline(never)]
    pub(super) fn seal_jwe<'a>(
        &self,
        scheme: &dyn KeyScheme<R>,
        session: &[u8],
        now: Now,
        cipher: &Cipher,
        contexts: &mut Contexts<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Sealed<'a>, SealError> {
        let secret = scheme.seals_with(now.seconds)?;
        let (source, period) = (self.key_source(secret, cipher), scheme.period(now.seconds));
        let kept = contexts
            .jwe_sealing
            .take()
            .filter(|kept| kept.is_for(source, period, self.settings.purpose));
        let (sealing, cost) = match kept {
            Some(kept) => (kept, Cost::None),
            None => scheme.sealing(now.seconds, &mut contexts.random)?,
        };
        let sealing = contexts.jwe_sealing.insert(sealing);
        let nonce = contexts.random.take()?;
        contexts.scratch.clear();
        contexts.scratch.extend_from_slice(session);
        let header = sealing.header.as_bytes();
        let mut tag = sealing
            .context
            .seal(&nonce, header, &mut contexts.scratch)?;
        // Both are in the token, which the browser gets.
        marks::reveal(&mut tag);
        marks::reveal(&mut contexts.scratch);
        let beginning = (header, sealing.encrypted_key.as_bytes());
        let token = compact::write(arena, beginning, &nonce, &contexts.scratch, &tag)?;
        self.count_sealed(sealing.counted_as, now);
        Ok(Sealed { token, cost })
    }

    /// Turns a token back into a session, if `scheme` has its key.
    // Within its caller, it would have fewer registers.
    #[inline(never)]
    pub(super) fn open_jwe<'a>(
        &self,
        scheme: &dyn KeyScheme<R>,
        parts: &Parts<'_>,
        now: Now,
        contexts: &mut Contexts<R>,
        arena: &impl Arena<'a>,
    ) -> Result<Opened<'a>, OpenError> {
        let purpose = self.settings.purpose;
        let opened = |standing: Option<Standing>, counted_as, session, cost| {
            let standing = standing.ok_or(Refusal::UnknownKey)?;
            self.count_opened(counted_as, now);
            Ok(Opened {
                session,
                stale: standing.is_stale,
                key: OpeningKey {
                    position: standing.position,
                    has_purpose: true,
                },
                cost,
            })
        };
        let mut standing = None;
        let is_ours = |source| {
            standing = self.standing(scheme, source, now);
            standing.is_some()
        };
        if let Some(kept) = contexts.jwe_opening.find(parts, purpose, is_ours) {
            let session = decrypt(kept, parts, arena)?.ok_or(Refusal::Tag)?;
            return opened(standing, kept.counted_as, session, Cost::None);
        }
        let (mut opening, cost) = scheme.opening(parts, now.seconds)?;
        let session = decrypt(&mut opening, parts, arena)?.ok_or(Refusal::Tag)?;
        let standing = self.standing(scheme, opening.source, now);
        let opened = opened(standing, opening.counted_as, session, cost)?;
        // The context is kept only now: a token with an invented day must not push out a
        // context that is in use.
        contexts.jwe_opening.keep(opening);
        Ok(opened)
    }

    /// The standing of a content key's secret, if this section has the secret and the
    /// cipher. It is stale too if new sessions get another cipher.
    fn standing(&self, scheme: &dyn KeyScheme<R>, source: KeySource, now: Now) -> Option<Standing> {
        if source.digest != self.jwe_digest().id() {
            return None;
        }
        let mut standing = scheme.standing(source.secret, now.seconds)?;
        let mut ciphers = self.jwe_ciphers();
        let (cipher, _, _) = ciphers.find(|(_, known, _)| known.id() == source.cipher)?;
        standing.is_stale |= cipher != 0;
        Some(standing)
    }
}

/// Decrypts a token; `None` if its tag is wrong.
fn decrypt<'a>(
    opening: &mut OpeningContext,
    parts: &Parts<'_>,
    arena: &impl Arena<'a>,
) -> Result<Option<Text<'a>>, OpenError> {
    let length = parts.session_length()?;
    let mut writer = arena.writer(length);
    let mut refusal = None;
    let text = writer.fill(length, |room| {
        let decoded = parts.decode_ciphertext(room);
        decoded.map_err(|error| refusal = Some(error)).ok()
    });
    let Some(text) = text else {
        return Err(refusal.map_or_else(|| LibraryError::wrong_room().into(), OpenError::Refused));
    };
    let context = &mut opening.context;
    if !context.open(&parts.nonce, parts.header, text, &parts.tag)? {
        return Ok(None);
    }
    // The sender of a token with the right tag knows the session, or is to have it.
    marks::reveal(text);
    let session = writer.finish().ok_or_else(LibraryError::wrong_room)?;
    if session.has_nul() {
        return Err(OpenError::Refused(Refusal::OtherAlgorithm));
    }
    Ok(Some(session))
}
