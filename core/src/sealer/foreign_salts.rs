//! The keys of classic tokens that another server, or this one earlier, has
//! made: which of them are derived, and which are kept.

use openssl::nid::Nid;

use super::{Call, Opened, Sealer};
use crate::anonymous::{self, Fingerprint, Outcome};
use crate::classic::Token;
use crate::key_cache::{FoundKey, KeyName, SharedKey};
use crate::{OpenError, Passphrase, Random, Refusal};

/// The key of a token, and how it was come by.
pub(super) struct TokenKey<'k> {
    pub(super) passphrase: &'k Passphrase,
    pub(super) name: &'k KeyName,
    /// Where it is, once it was looked for.
    found: Option<FoundKey>,
    /// It was not there.
    is_new: bool,
    /// It was derived on the budget of sessions that say nothing.
    is_budgeted: bool,
}

impl<'k> TokenKey<'k> {
    pub(super) fn new(passphrase: &'k Passphrase, name: &'k KeyName) -> Self {
        Self {
            passphrase,
            name,
            found: None,
            is_new: false,
            is_budgeted: false,
        }
    }
}

impl<R: Random + Clone> Sealer<'_, R> {
    /// The place of a token's key. One that would have to be derived is on
    /// trial.
    ///
    /// # Errors
    ///
    /// The token is worth no derivation.
    pub(super) fn place(
        &self,
        token: &Token<'_>,
        key: &mut TokenKey<'_>,
        call: Call,
    ) -> Result<SharedKey, Refusal> {
        if let Some(found) = &key.found {
            return Ok(found.key.clone());
        }
        let (keyring, name) = (self.keyring, key.name);
        let found = match keyring.token_key(name, key.passphrase) {
            Some(found) => found,
            None => {
                let fingerprint = self.fingerprint(token);
                if let Some(outcome) = keyring.anonymous.outcome(fingerprint) {
                    return Err(outcome.into());
                }
                if self.is_as_long_as_nothing(token) {
                    key.is_budgeted = keyring.anonymous.take(call.now);
                    if !key.is_budgeted && !keyring.is_own_salt(token.salt(), call.now) {
                        return Err(Refusal::TooManyOfNothing);
                    }
                }
                key.is_new = true;
                keyring.try_key(name)
            }
        };
        Ok(key.found.insert(found).key.clone())
    }

    /// Keeps the key of a token whose session says something; remembers one
    /// that came to nothing.
    pub(super) fn judge(
        &self,
        token: &Token<'_>,
        key: &TokenKey<'_>,
        call: Call,
        opened: &Result<Opened<'_>, OpenError>,
    ) {
        let Some(found) = key.found.as_ref().filter(|found| found.on_trial) else {
            return;
        };
        let outcome = match opened {
            Ok(opened) if !anonymous::says_nothing(opened.session.to_bytes()) => {
                return self.keep(key, found);
            }
            // The request that derived it has judged it, or will.
            _ if !key.is_new => return,
            Ok(_) => Outcome::Nothing,
            Err(OpenError::Refused(_)) => Outcome::OtherAlgorithm,
            Err(OpenError::Library(_)) => return,
        };
        // All that this server sealed in an hour has one salt, and users'
        // sessions are among it.
        if self.keyring.is_own_salt(token.salt(), call.now) {
            return self.keep(key, found);
        }
        if outcome == Outcome::Nothing || self.has_known_algorithms() {
            let anonymous = &self.keyring.anonymous;
            anonymous.remember(self.fingerprint(token), outcome);
        }
    }

    fn keep(&self, key: &TokenKey<'_>, found: &FoundKey) {
        self.keyring.keep_key(key.name, &found.key);
        if key.is_budgeted {
            self.keyring.anonymous.give_back();
        }
    }

    /// The token, and what decides what it comes to here.
    fn fingerprint(&self, token: &Token<'_>) -> Fingerprint {
        let nids: Vec<_> = self.nids().map(|nid| nid.as_raw()).collect();
        let of = (token.mac(), token.salt(), nids);
        self.keyring.anonymous.fingerprint(of)
    }

    /// Whether the numbers of digest and ciphers tell them from all others: those
    /// of a provider may have none.
    fn has_known_algorithms(&self) -> bool {
        self.nids().all(|nid| nid != Nid::UNDEF)
    }

    fn nids(&self) -> impl Iterator<Item = Nid> {
        let ciphers = self.classic_ciphers().map(|(_, cipher, _)| cipher.nid());
        [self.classic_digest().nid()].into_iter().chain(ciphers)
    }

    /// Whether a session that says nothing gives a token of this length.
    fn is_as_long_as_nothing(&self, token: &Token<'_>) -> bool {
        let length = token.body_length();
        self.classic_ciphers()
            .any(|(_, _, block_size)| anonymous::body_length(block_size) == length)
    }
}
