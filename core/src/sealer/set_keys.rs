//! The key scheme of a JWK Set: a random content key for each hour in each process, wrapped
//! with the key of the set whose time it is.
//!
//! Content keys that were unwrapped are kept, in a bounded number. One that was not wrapped
//! with a key of the set leaves nothing behind.

use base64_simd::URL_SAFE_NO_PAD;

use crate::algorithm::cipher::Cipher;
use crate::algorithm::key_wrap::WRAP_OVERHEAD;
use crate::algorithm::user_key::{NamedUser, USER_ID};
use crate::cache::envelopes::{Envelope, EnvelopeUse};
use crate::cache::unwrapped_keys::WrappedKey;
use crate::counters::event::TokenFormat;
use crate::counters::key::CountedAs;
use crate::error::{LibraryError, OpenError, Refusal, SealError, UserIdError};
use crate::jwe::aead::AeadContext;
use crate::jwe::compact::Parts;
use crate::jwe::contexts::{OpeningContext, SealingContext};
use crate::jwe::header::{self, Header};
use crate::key_set::key_set::KeySet;
use crate::key_set::set_key::{SetKey, Wrap};
use crate::keyring::hour;
use crate::keyring::keyring::Keyring;
use crate::keyring::random::{Random, RandomBlock};
use crate::passphrase::list::PassphraseList;
use crate::sealer::call::Cost;
use crate::sealer::day_keys::DayKeys;
use crate::sealer::key_scheme::{KeyScheme, Standing};
use crate::sealer::section::Section;
use crate::sealer::settings::Secrets;

/// The key scheme of a section with a JWK Set. In the section's list, the passphrases
/// follow the keys.
pub(super) struct SetKeys<'s, R> {
    section: &'s Section<'s, R>,
    keys: &'s KeySet,
    passphrases: Option<DayKeys<'s, R>>,
}

impl<'s, R> SetKeys<'s, R> {
    pub(super) fn new(
        section: &'s Section<'s, R>,
        keys: &'s KeySet,
        passphrases: Option<&'s PassphraseList>,
    ) -> Self {
        Self {
            section,
            keys,
            passphrases: passphrases.map(|list| DayKeys::new(section, list)),
        }
    }
}

impl<R: Random + Clone> KeyScheme<R> for SetKeys<'_, R> {
    fn seals_with(&self, now: u64) -> Result<u64, SealError> {
        let key = self.keys.sealing(now).ok_or(SealError::NoneSeals)?;
        Ok(key.number())
    }

    fn positions(&self, now: u64) -> Vec<usize> {
        let keys = self.keys.keys().enumerate();
        let opens = keys.filter(|(_, key)| !key.dates().has_ended(now) && !key.is_wiped());
        let mut positions: Vec<usize> = opens.map(|(position, _)| position).collect();
        if let Some(passphrases) = &self.passphrases {
            let after = |position: usize| position.saturating_add(self.keys.count());
            positions.extend(passphrases.positions(now).into_iter().map(after));
        }
        positions
    }

    fn standing(&self, secret: u64, now: u64) -> Option<Standing> {
        if let Some(position) = self.keys.position(secret) {
            let is_stale = self.keys.is_older_than_sealing(position, now);
            return Some(Standing { position, is_stale });
        }
        let standing = self.passphrases.as_ref()?.standing(secret, now)?;
        Some(Standing {
            position: standing.position.saturating_add(self.keys.count()),
            is_stale: true,
        })
    }

    fn period(&self, now: u64) -> u64 {
        hour::hour(now)
    }

    fn sealing(
        &self,
        now: u64,
        random: &mut RandomBlock<R>,
    ) -> Result<(SealingContext, Cost), SealError> {
        let section = self.section;
        let (_, cipher, enc) = section.jwe_ciphers().next().ok_or(SealError::NoKey)?;
        let key = self.keys.sealing(now).ok_or(SealError::NoneSeals)?;
        let purpose = section.settings.purpose;
        let usage = EnvelopeUse {
            wrapping: (),
            cipher: cipher.id(),
            hour: self.period(now),
            purpose: purpose.cloned(),
        };
        let make = |wrap: &Wrap<'_>| {
            let content_key = section.draw_key(cipher, random)?;
            let encrypted_key = URL_SAFE_NO_PAD.encode_to_string(wrap(&content_key)?);
            Ok(Envelope {
                content_key,
                header: header::wrapped(key.alg(), enc, key.id(), purpose),
                encrypted_key,
            })
        };
        let context = |envelope: &Envelope| {
            Ok(SealingContext {
                context: AeadContext::sealing(cipher, &envelope.content_key)?,
                header: envelope.header.clone(),
                encrypted_key: envelope.encrypted_key.clone(),
                source: section.key_source(key.number(), cipher),
                counted_as: counted_as(key),
                period: usage.hour,
                purpose: usage.purpose.clone(),
            })
        };
        let made = key.with_envelope(&usage, make, context);
        Ok((made.ok_or(SealError::NoneSeals)??, Cost::None))
    }

    fn opening(&self, parts: &Parts<'_>, now: u64) -> Result<(OpeningContext, Cost), OpenError> {
        if let (Some(passphrases), true) = (&self.passphrases, parts.encrypted_key.is_empty()) {
            return passphrases.opening(parts, now);
        }
        let section = self.section;
        let purpose = section.settings.purpose;
        let header = Header::read(parts.header)?;
        let mut ciphers = section.jwe_ciphers();
        let cipher = ciphers.find(|(_, _, enc)| header.has_enc(enc));
        let (_, cipher, _) = cipher.ok_or(Refusal::Header)?;
        let id = header.wrapped(purpose)?;
        let key = self.keys.by_id(&id).ok_or(Refusal::UnknownSetKey)?;
        if !header.has_alg(key.alg()) {
            return Err(OpenError::Refused(Refusal::Header));
        }
        // The sealer has wiped all keys that have ended.
        if key.is_wiped() {
            return Err(OpenError::Refused(Refusal::EndedSetKey));
        }
        // Key wrap keeps the length, so the content key has that of the cipher.
        let length = cipher.key_length().saturating_add(WRAP_OVERHEAD);
        if parts.encrypted_key.len() != URL_SAFE_NO_PAD.encoded_length(length) {
            return Err(OpenError::Refused(Refusal::EncryptedKey));
        }
        let encrypted_key = URL_SAFE_NO_PAD.decode_to_vec(parts.encrypted_key);
        let encrypted_key = encrypted_key.map_err(|_| Refusal::Encoding)?;
        let wrapped = WrappedKey::new(key.number(), &encrypted_key);
        let context = self.context(key, &wrapped.ok_or(Refusal::EncryptedKey)?, cipher)?;
        let source = section.key_source(key.number(), cipher);
        let opening = OpeningContext::new(context, (source, counted_as(key)), parts, purpose);
        Ok((opening, Cost::None))
    }

    /// Notes the keys of the passphrases. Those of the set cost too little to be made
    /// beforehand.
    fn ahead(&self, now: u64) -> Result<usize, LibraryError> {
        match &self.passphrases {
            Some(passphrases) => passphrases.ahead(now),
            None => Ok(0),
        }
    }

    fn user_id(
        &self,
        position: usize,
        user: &NamedUser<'_>,
        now: u64,
    ) -> Result<[u8; USER_ID], UserIdError> {
        if let Some(key) = self.keys.keys().nth(position) {
            let id = key.with_user_key(|users| users.id(user));
            return id.ok_or(UserIdError::NoKey);
        }
        let passphrases = self.passphrases.as_ref().ok_or(UserIdError::NoKey)?;
        let position = position.saturating_sub(self.keys.count());
        passphrases.user_id(position, user, now)
    }

    fn users_ahead(&self) -> Result<(), LibraryError> {
        match &self.passphrases {
            Some(passphrases) => passphrases.users_ahead(),
            None => Ok(()),
        }
    }
}

impl<R: Random + Clone> SetKeys<'_, R> {
    /// Makes a context that decrypts, under a content key that `key` has wrapped.
    fn context(
        &self,
        key: &SetKey,
        wrapped: &WrappedKey,
        cipher: &Cipher,
    ) -> Result<AeadContext, OpenError> {
        let unwrapped_keys = &self.section.keyring.unwrapped_keys;
        let slot = match unwrapped_keys.find(wrapped) {
            Some(slot) => slot,
            None => {
                let content_key = key.unwrap(wrapped.bytes())?;
                let content_key = content_key.ok_or(Refusal::EncryptedKey)?;
                let slot = unwrapped_keys.slot(wrapped);
                slot.get(|| Ok(content_key))?;
                slot
            }
        };
        let content_key = slot.get(|| Err(LibraryError::elsewhere()))?.key;
        Ok(AeadContext::opening(cipher, content_key)?)
    }
}

impl<R: Random + Clone> Section<'_, R> {
    /// Wipes the keys of the section's JWK Set that have ended.
    pub(super) fn wipe_ended(&self, now: u64) {
        if let Secrets::KeySet { keys, .. } = self.settings.secrets {
            self.keyring.wipe_ended(keys, now);
        }
    }

    /// Whether new sessions can be sealed. With a JWK Set, there may be a time without a key
    /// that seals.
    pub(super) fn can_seal(&self, now: u64) -> bool {
        match self.settings.secrets {
            Secrets::KeySet { keys, .. } => keys.sealing(now).is_some(),
            Secrets::Passphrases(_) | Secrets::Certificates(_) => true,
        }
    }
}

impl<R: Random + Clone> Keyring<R> {
    /// Wipes the keys of a set that have ended at a Unix time in seconds, and all keys that
    /// came from them. A [`Sealer`](crate::Sealer) does so by itself; this is for a process
    /// that seals and opens nothing for a time.
    ///
    /// If no key has ended since the last call, it costs one comparison.
    pub fn wipe_ended(&self, keys: &KeySet, now: u64) {
        if keys.wipe_ended(now) {
            self.forget_replaced_keys();
        }
    }

    /// Drops the content keys that are kept. It is for a process that has replaced a
    /// [`KeySet`], whose own keys are wiped when it is dropped.
    pub fn forget_replaced_keys(&self) {
        self.unwrapped_keys.clear();
        self.contexts.forget_jwe_keys();
    }
}

/// How a token under a key of the set is counted.
fn counted_as(key: &SetKey) -> CountedAs {
    CountedAs {
        format: TokenFormat::KeySet,
        key: key.counter.load(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;
    use crate::arena::HeapArena;
    use crate::keyring::contexts::Contexts;
    use crate::keyring::hour::Seed;
    use crate::keyring::random::OpenSslRandom;
    use crate::sealer::call::Now;
    use crate::sealer::sealer::Sealer;
    use crate::sealer::settings::Settings;
    use crate::shared_memory::SharedMemory;

    const NOW: Now = Now {
        seconds: 0,
        processor: 0,
    };

    fn keyring() -> Keyring {
        Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap()
    }

    /// A token that this set has sealed in another process.
    fn token(keys: &KeySet) -> String {
        let keyring = keyring();
        let keys = KeySet::parse(keys.to_json().as_bytes()).unwrap();
        let ciphers = [keyring.cipher(None, "aes-256-gcm").unwrap()];
        let sealer = Sealer::new(&keyring, settings(&keys, &ciphers));
        let sealed = sealer.seal(b"user=joe", NOW, &HeapArena).unwrap();
        sealed.token.to_str().unwrap().to_owned()
    }

    fn settings<'c>(keys: &'c KeySet, ciphers: &'c [Cipher]) -> Settings<'c> {
        let secrets = Secrets::KeySet {
            keys,
            passphrases: None,
        };
        Settings::new(secrets, ciphers)
    }

    #[test]
    fn only_content_keys_that_the_set_has_wrapped_are_kept() {
        let keyring = keyring();
        let keys = KeySet::generate(0, &mut OpenSslRandom).unwrap();
        let ciphers = [keyring.cipher(None, "aes-256-gcm").unwrap()];
        let open = |token: &str| {
            let sealer = Sealer::new(&keyring, settings(&keys, &ciphers));
            sealer.open(token.as_bytes(), NOW, &HeapArena).map(|_| ())
        };
        for count in 1..=3 {
            let token = token(&keys);
            open(&token).unwrap();
            open(&token).unwrap();
            assert_eq!(keyring.unwrapped_keys.len(), count);
        }
        let right = token(&keys);
        let (header, rest) = right.split_once('.').unwrap();
        let (encrypted_key, rest) = rest.split_once('.').unwrap();
        for number in 0..100 {
            let other = format!("{number:03}{}", &encrypted_key[3..]);
            if other != encrypted_key {
                let refused = open(&format!("{header}.{other}.{rest}"));
                assert!(matches!(
                    refused,
                    Err(OpenError::Refused(Refusal::EncryptedKey))
                ));
            }
        }
        assert_eq!(keyring.unwrapped_keys.len(), 3);
        keyring.forget_replaced_keys();
        assert_eq!(keyring.unwrapped_keys.len(), 0);
    }

    /// Whether the kept contexts of the first processor have keys: to seal, and to open.
    fn keeps_keys(keyring: &Keyring) -> (bool, bool) {
        let keeps = |contexts: &mut Contexts<OpenSslRandom>| {
            let seals = contexts.jwe_sealing.is_some();
            Ok((seals, !contexts.jwe_opening.is_empty()))
        };
        keyring
            .contexts
            .with(0, keeps)
            .map_err(|error: LibraryError| error)
            .unwrap()
    }

    #[test]
    fn contexts_lose_the_keys_of_a_set_that_is_replaced() {
        let keyring = keyring();
        let keys = KeySet::generate(0, &mut OpenSslRandom).unwrap();
        let ciphers = [keyring.cipher(None, "aes-256-gcm").unwrap()];
        let use_them = || {
            let sealer = Sealer::new(&keyring, settings(&keys, &ciphers));
            let sealed = sealer.seal(b"user=joe", NOW, &HeapArena).unwrap();
            let token = sealed.token.to_bytes();
            sealer.open(token, NOW, &HeapArena).map(|_| ()).unwrap();
        };
        use_them();
        assert_eq!(keeps_keys(&keyring), (true, true));
        keyring.forget_replaced_keys();
        assert_eq!(keeps_keys(&keyring), (false, false));

        // Also the contexts of a thread that uses them meanwhile, without waiting for it.
        use_them();
        let (begun, done) = (Barrier::new(2), Barrier::new(2));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let wait = |_: &mut Contexts<OpenSslRandom>| {
                    begun.wait();
                    done.wait();
                    Ok::<(), LibraryError>(())
                };
                keyring.contexts.with(0, wait).unwrap();
            });
            begun.wait();
            keyring.forget_replaced_keys();
            done.wait();
        });
        assert_eq!(keeps_keys(&keyring), (false, false));
    }
}
