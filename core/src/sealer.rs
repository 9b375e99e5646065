//! Which passphrase and which cipher seals, and which ones open.

use std::ffi::CStr;
use std::fmt;

use crate::algorithms::MAX_BLOCK;
use crate::classic::{self, Decrypted, Token};
use crate::derivation::{CLASSIC_SALT, ClassicKey};
use crate::{Arena, Cipher, Digest, OpenError, Passphrase, Random, Refusal, SealError};

/// Seals sessions under the first passphrase and cipher, and opens them under
/// any: what one section of a configuration asks for.
pub struct Sealer<'c> {
    first: &'c Passphrase,
    others: Vec<&'c Passphrase>,
    cipher: &'c Cipher,
    other_ciphers: &'c [Cipher],
    digest: &'c Digest,
}

/// A session, and whether its token is to be replaced.
pub struct Opened<'a> {
    /// The session as mod_session encoded it.
    pub session: &'a CStr,
    /// The token was not made by what seals now: save the session again.
    pub stale: bool,
}

impl<'c> Sealer<'c> {
    /// The longest session, in bytes: 512 KiB. Cookies end at 4 KiB, and a
    /// database has no use for more; the bound keeps every length an `int`.
    pub const MAX_SESSION: usize = 512 * 1024;

    /// The longest token, in characters: base64 of the longest session, and
    /// room for any header.
    pub const MAX_TOKEN: usize = 1024 * 1024;

    /// Puts together what a section says, in the order it says it.
    ///
    /// Returns `None` if there is no passphrase or no cipher.
    pub fn new(
        passphrases: impl IntoIterator<Item = &'c Passphrase>,
        ciphers: &'c [Cipher],
        digest: &'c Digest,
    ) -> Option<Self> {
        let mut passphrases = passphrases.into_iter();
        let first = passphrases.next()?;
        let (cipher, other_ciphers) = ciphers.split_first()?;
        Some(Self {
            first,
            others: passphrases.collect(),
            cipher,
            other_ciphers,
            digest,
        })
    }

    /// Makes a token of a session.
    ///
    /// # Errors
    ///
    /// The session is too large, or OpenSSL fails.
    pub fn seal<'a>(
        &self,
        session: &[u8],
        random: &mut impl Random,
        arena: &impl Arena<'a>,
    ) -> Result<&'a CStr, SealError> {
        let (mut salt, mut iv) = ([0; CLASSIC_SALT], [0; MAX_BLOCK]);
        random.fill(&mut salt)?;
        random.fill(&mut iv)?;
        let key = ClassicKey::derive(
            self.first,
            self.digest.evp(),
            &salt,
            self.cipher.key_length(),
        )?;
        classic::seal(session, self.first, self.cipher, &key, &salt, &iv, arena)
    }

    /// Makes a session of a token.
    ///
    /// # Errors
    ///
    /// The token is refused, which is an everyday thing, or OpenSSL fails.
    pub fn open<'a>(&self, token: &[u8], arena: &impl Arena<'a>) -> Result<Opened<'a>, OpenError> {
        let token = Token::decode(token, arena)?;
        let mut passphrases = std::iter::once(self.first).chain(self.others.iter().copied());
        let (index, passphrase) = passphrases
            .by_ref()
            .enumerate()
            .find(|(_, passphrase)| token.is_authentic(passphrase))
            .ok_or(Refusal::NotAuthentic)?;
        let (session, stale_cipher) = self.decrypt(&token, passphrase, arena)?;
        Ok(Opened {
            session,
            stale: index != 0 || stale_cipher,
        })
    }

    /// Tries each cipher; tells whether it was another than the first.
    fn decrypt<'a>(
        &self,
        token: &Token<'_>,
        passphrase: &Passphrase,
        arena: &impl Arena<'a>,
    ) -> Result<(&'a CStr, bool), OpenError> {
        let ciphers = || std::iter::once(self.cipher).chain(self.other_ciphers);
        let longest = ciphers().map(Cipher::key_length).max().unwrap_or_default();
        let key = ClassicKey::derive(passphrase, self.digest.evp(), token.salt(), longest)?;
        let mut fallback = None;
        for (index, cipher) in ciphers().enumerate() {
            let key = key.prefix(cipher.key_length()).unwrap_or_default();
            match token.decrypt(cipher, key, arena)? {
                Decrypted::Text(session) => return Ok((session, index != 0)),
                Decrypted::Bytes(session) => {
                    fallback.get_or_insert((session, index != 0));
                }
                Decrypted::Nothing => {}
            }
        }
        fallback.ok_or(OpenError::Refused(Refusal::OtherAlgorithm))
    }
}

impl fmt::Debug for Sealer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Sealer")
    }
}
