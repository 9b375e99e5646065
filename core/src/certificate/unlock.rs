//! Passphrases that are tried on encrypted private keys.

use std::cell::Cell;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};

use crate::certificate::attempts::{Attempts, MAX_ATTEMPTS};
use crate::certificate::file_error::FileError;
use crate::libcrypto::verdict;
use crate::passphrase::list::PassphraseList;

/// The callback by which a reader of keys asks for a passphrase: it fills a buffer, and
/// returns the length.
pub(crate) type AskPassphrase<'a> = &'a mut dyn FnMut(&mut [u8]) -> Result<usize, ErrorStack>;

/// The passphrases that are tried, and the attempts that are left.
#[derive(Clone, Copy)]
pub(crate) struct PassphraseTrial<'s> {
    pub(crate) passphrases: &'s PassphraseList,
    pub(crate) attempts: &'s Attempts,
}

impl PassphraseTrial<'_> {
    /// Takes one attempt, or fails if none is left.
    pub(crate) fn take(self) -> Result<(), FileError> {
        if self.attempts.take() {
            Ok(())
        } else {
            Err(FileError::TooManyAttempts(MAX_ATTEMPTS))
        }
    }

    /// Tries the passphrases one after the other, until one works or no attempt is
    /// left.
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

/// Tries each passphrase on a key. `will_ask` says that the key is encrypted.
///
/// An attempt without a passphrase takes as long as another, so an encrypted key meets one
/// only if there is no passphrase.
pub(crate) fn unlock(
    trial: PassphraseTrial<'_>,
    will_ask: bool,
    read: impl Fn(AskPassphrase<'_>) -> Result<PKey<Private>, ErrorStack>,
) -> Result<Option<PKey<Private>>, FileError> {
    let passphrases = trial.passphrases;
    let (has_asked, has_failed) = (Cell::new(false), Cell::new(false));
    let is_unsupported = Cell::new(false);
    let attempt = |secret: Option<&[u8]>| {
        let mut ask = |buffer: &mut [u8]| {
            has_asked.set(true);
            let secret = secret.unwrap_or_default();
            // A passphrase that does not fit counts as none: OpenSSL takes 1,024 bytes.
            let Some(answer) = buffer.get_mut(..secret.len()) else {
                return Ok(0);
            };
            answer.copy_from_slice(secret);
            Ok(secret.len())
        };
        read(&mut ask).inspect_err(|stack| {
            has_failed.set(has_failed.get() || verdict::is_fatal(stack));
            is_unsupported.set(is_unsupported.get() || verdict::is_unsupported(stack));
        })
    };
    if !will_ask || passphrases.is_empty() {
        if will_ask {
            trial.take()?;
        }
        if let Ok(key) = attempt(None) {
            return Ok(Some(key));
        }
    }
    if let Some(key) = trial.try_each(|secret| attempt(Some(secret)).ok())? {
        return Ok(Some(key));
    }
    Err(match (has_asked.get(), passphrases.is_empty()) {
        _ if has_failed.get() => FileError::Failed,
        (false, _) => FileError::Broken,
        (true, true) => FileError::NoPassphrase,
        (true, false) if is_unsupported.get() => FileError::Unsupported,
        (true, false) => FileError::Locked,
    })
}
