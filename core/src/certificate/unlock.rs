//! Passphrases that are tried on encrypted private keys.

use std::cell::Cell;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};

use crate::certificate::attempts::{Attempts, MAX_ATTEMPTS};
use crate::certificate::file_error::FileError;
use crate::libcrypto::verdict;
use crate::passphrase::list::PassphraseList;

/// The function that a reader of keys calls if it needs a passphrase.
pub(crate) type Ask<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<usize, ErrorStack>;

/// The passphrases that a file is opened with, and how often they are tried.
#[derive(Clone, Copy)]
pub(crate) struct Secrets<'s> {
    pub(crate) passphrases: &'s PassphraseList,
    pub(crate) attempts: &'s Attempts,
}

impl Secrets<'_> {
    /// Takes an attempt.
    pub(crate) fn take(self) -> Result<(), FileError> {
        if self.attempts.take() {
            Ok(())
        } else {
            Err(FileError::TooManyAttempts(MAX_ATTEMPTS))
        }
    }

    /// The passphrases, one after the other: none more, once no attempt is left.
    pub(crate) fn try_each<T>(
        self,
        attempt: impl Fn(&[u8]) -> Option<T>,
    ) -> Result<Option<T>, FileError> {
        for passphrase in self.passphrases.iter() {
            self.take()?;
            if let Some(found) = attempt(passphrase.secret()) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }
}

/// Tries every passphrase on a key that asks for one; one that will, is not
/// tried without, which takes as long.
pub(crate) fn unlock(
    secrets: Secrets<'_>,
    will_ask: bool,
    read: impl Fn(Ask<'_>) -> Result<PKey<Private>, ErrorStack>,
) -> Result<Option<PKey<Private>>, FileError> {
    let passphrases = secrets.passphrases;
    let (has_asked, has_failed) = (Cell::new(false), Cell::new(false));
    let attempt = |secret: Option<&[u8]>| {
        let mut answer = |buffer: &mut [u8]| {
            has_asked.set(true);
            let secret = secret.unwrap_or_default();
            // One that does not fit is none: OpenSSL takes 1,024 bytes.
            let Some(place) = buffer.get_mut(..secret.len()) else {
                return Ok(0);
            };
            place.copy_from_slice(secret);
            Ok(secret.len())
        };
        read(&mut answer)
            .inspect_err(|stack| has_failed.set(has_failed.get() || verdict::is_fatal(stack)))
    };
    if !will_ask || passphrases.is_empty() {
        if will_ask {
            secrets.take()?;
        }
        if let Ok(key) = attempt(None) {
            return Ok(Some(key));
        }
    }
    if let Some(key) = secrets.try_each(|secret| attempt(Some(secret)).ok())? {
        return Ok(Some(key));
    }
    Err(match (has_asked.get(), passphrases.is_empty()) {
        _ if has_failed.get() => FileError::Failed,
        (false, _) => FileError::Broken,
        (true, true) => FileError::NoPassphrase,
        (true, false) => FileError::Locked,
    })
}
