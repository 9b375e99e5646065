//! The keys of classic tokens that another server has made, or this one earlier: which of
//! them are derived, and which are kept.

use openssl::nid::Nid;

use crate::classic::anonymous::{self, TokenFingerprint, Worthless};
use crate::classic::token::Token;
use crate::error::{OpenError, Refusal};
use crate::keyring::random::Random;
use crate::passphrase::classic_keys::{CachedClassicSlot, ClassicKeyId, ClassicKeySlot};
use crate::passphrase::passphrase::Passphrase;
use crate::sealer::call::{Now, Opened};
use crate::sealer::section::Section;

/// The key of a token, and how it was found.
pub(super) struct TokenKey<'k> {
    pub(super) passphrase: &'k Passphrase,
    pub(super) id: &'k ClassicKeyId,
    /// The slot of the key, once it was looked up.
    found: Option<CachedClassicSlot>,
    /// The look-up has not found the key.
    is_new: bool,
    /// The derivation comes out of the budget for sessions that say nothing.
    is_budgeted: bool,
}

impl<'k> TokenKey<'k> {
    pub(super) fn new(passphrase: &'k Passphrase, id: &'k ClassicKeyId) -> Self {
        Self {
            passphrase,
            id,
            found: None,
            is_new: false,
            is_budgeted: false,
        }
    }
}

impl<R: Random + Clone> Section<'_, R> {
    /// The slot of a token's key. A slot without a key is on trial.
    ///
    /// # Errors
    ///
    /// The token is not worth a derivation.
    #[cold]
    pub(super) fn key_slot(
        &self,
        token: &Token<'_>,
        key: &mut TokenKey<'_>,
        now: Now,
    ) -> Result<ClassicKeySlot, Refusal> {
        if let Some(found) = &key.found {
            return Ok(found.slot.clone());
        }
        let (keyring, id) = (self.keyring, key.id);
        let found = match keyring.token_slot(id, key.passphrase) {
            Some(found) => found,
            None => {
                let fingerprint = self.fingerprint(token);
                if let Some(verdict) = keyring.anonymous.verdict(fingerprint) {
                    return Err(verdict.into());
                }
                if self.is_as_long_as_nothing(token) {
                    key.is_budgeted = keyring.anonymous.take(now.seconds);
                    if !key.is_budgeted && !keyring.is_own_salt(token.salt(), now.seconds) {
                        return Err(Refusal::TooManyOfNothing);
                    }
                }
                key.is_new = true;
                keyring.slot_on_trial(id)
            }
        };
        Ok(key.found.insert(found).slot.clone())
    }

    /// Keeps the key of a token whose session says something, and remembers a token that
    /// was not worth its derivation.
    pub(super) fn judge(
        &self,
        token: &Token<'_>,
        key: &TokenKey<'_>,
        now: Now,
        opened: &Result<Opened<'_>, OpenError>,
    ) {
        if let Some(found) = key.found.as_ref().filter(|found| found.on_trial) {
            self.judge_on_trial(token, (key, found), now, opened);
        }
    }

    #[cold]
    fn judge_on_trial(
        &self,
        token: &Token<'_>,
        (key, found): (&TokenKey<'_>, &CachedClassicSlot),
        now: Now,
        opened: &Result<Opened<'_>, OpenError>,
    ) {
        let verdict = match opened {
            Ok(opened) if !anonymous::says_nothing(opened.session.to_bytes()) => {
                return self.keep(key, found);
            }
            // The request that derived the key judges it.
            _ if !key.is_new => return,
            Ok(_) => Worthless::SaysNothing,
            Err(OpenError::Refused(_)) => Worthless::OtherAlgorithm,
            Err(OpenError::Library(_)) => return,
        };
        // All sessions that this server sealed in an hour have one salt, and some of them
        // are users'.
        if self.keyring.is_own_salt(token.salt(), now.seconds) {
            return self.keep(key, found);
        }
        if verdict == Worthless::SaysNothing || self.has_known_algorithms() {
            let anonymous = &self.keyring.anonymous;
            anonymous.remember(self.fingerprint(token), verdict);
        }
    }

    fn keep(&self, key: &TokenKey<'_>, found: &CachedClassicSlot) {
        self.keyring.keep_slot(key.id, &found.slot);
        if key.is_budgeted {
            self.keyring.anonymous.give_back();
        }
    }

    /// The fingerprint of a token, and of the algorithms that this section opens it with.
    fn fingerprint(&self, token: &Token<'_>) -> TokenFingerprint {
        let nids: Vec<_> = self.nids().map(|nid| nid.as_raw()).collect();
        let of = (token.mac(), token.salt(), nids);
        self.keyring.anonymous.fingerprint(of)
    }

    /// Whether digest and ciphers all have a number of OpenSSL's, which identifies them.
    /// An algorithm of a provider may have none.
    fn has_known_algorithms(&self) -> bool {
        self.nids().all(|nid| nid != Nid::UNDEF)
    }

    fn nids(&self) -> impl Iterator<Item = Nid> {
        let ciphers = self.classic_ciphers().map(|(_, cipher, _)| cipher.nid());
        [self.classic_digest().nid()].into_iter().chain(ciphers)
    }

    /// Whether the token is as long as that of a session that says nothing.
    fn is_as_long_as_nothing(&self, token: &Token<'_>) -> bool {
        let length = token.body_length();
        self.classic_ciphers()
            .any(|(_, _, block_size)| anonymous::body_length(block_size) == length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arena::HeapArena;
    use crate::keyring::hour::Seed;
    use crate::keyring::keyring::{Keyring, OWN_HOURS};
    use crate::keyring::random::OpenSslRandom;
    use crate::origin::Origin;
    use crate::passphrase::list::PassphraseList;
    use crate::sealer::call::Cost;
    use crate::sealer::sealer::Sealer;
    use crate::sealer::settings::{Secrets, Settings};
    use crate::shared_memory::SharedMemory;

    const NOON: u64 = 1_800_000_000;
    const HOUR: u64 = 3600;
    const NOTHING: &[u8] = b"expiry=1800000000000000";
    const USER: &[u8] = b"user=joe&expiry=1800000000000000";
    /// As many blocks as [`NOTHING`].
    const SHORT: &[u8] = b"k=v&expiry=1800000000000000";

    /// A server. All servers have the same passphrase.
    struct Server {
        keyring: Keyring,
        passphrases: PassphraseList,
        cipher: &'static str,
    }

    impl Server {
        fn new(seed: u8, cipher: &'static str) -> Self {
            let (seed, memory) = (Seed([seed; 16]), SharedMemory::alone());
            let keyring = Keyring::new(seed, OpenSslRandom, memory).unwrap();
            let passphrase = keyring.passphrase(b"secret", Origin::Server).unwrap();
            Self {
                keyring,
                passphrases: [passphrase].into_iter().collect(),
                cipher,
            }
        }

        fn ours() -> Self {
            Self::new(1, "aes256")
        }

        fn with<T>(&self, with: impl FnOnce(Sealer<'_>) -> T) -> T {
            let ciphers = [self.keyring.cipher(None, self.cipher).unwrap()];
            let settings = Settings::new(Secrets::Passphrases(&self.passphrases), &ciphers);
            with(Sealer::new(&self.keyring, settings))
        }

        fn seal(&self, session: &[u8], now: u64) -> Vec<u8> {
            self.with(|sealer| {
                let sealed = sealer.seal(session, at(now), &HeapArena).unwrap();
                sealed.token.to_bytes().to_vec()
            })
        }

        /// Opens a token, and returns whether a key was derived for it.
        fn open(&self, token: &[u8], now: u64) -> Result<bool, Refusal> {
            self.with(|sealer| match sealer.open(token, at(now), &HeapArena) {
                Ok(opened) => Ok(opened.cost != Cost::None),
                Err(OpenError::Refused(refusal)) => Err(refusal),
                Err(OpenError::Library(error)) => panic!("{error}"),
            })
        }

        /// Takes all derivations of the budget.
        fn use_budget_up(&self, now: u64) {
            while self.keyring.anonymous.take(now) {}
        }
    }

    /// The C module, which has a salt for each token: a server of ours that seals each
    /// token in another hour.
    struct CModule(Server, u64);

    impl CModule {
        fn new(cipher: &'static str) -> Self {
            Self(Server::new(2, cipher), NOON)
        }

        fn token(&mut self, session: &[u8]) -> Vec<u8> {
            self.1 = self.1.saturating_add(HOUR);
            self.0.seal(session, self.1)
        }

        fn tokens(&mut self, session: &[u8], count: usize) -> Vec<Vec<u8>> {
            (0..count).map(|_| self.token(session)).collect()
        }
    }

    fn at(seconds: u64) -> Now {
        Now {
            seconds,
            processor: 0,
        }
    }

    #[test]
    fn a_token_that_says_nothing_costs_one_derivation() {
        for cipher in ["aes256", "3des192"] {
            let (server, mut c) = (Server::new(1, cipher), CModule::new(cipher));
            let tokens = c.tokens(NOTHING, 100);
            for token in &tokens {
                assert_eq!(server.open(token, NOON), Ok(true));
            }
            server.keyring.forget_keys();
            for _ in 0..3 {
                for token in &tokens {
                    assert_eq!(server.open(token, NOON), Err(Refusal::SaysNothing));
                }
            }
        }
    }

    #[test]
    fn a_token_that_says_nothing_opens_while_its_key_is_at_hand() {
        let (server, mut c) = (Server::ours(), CModule::new("aes256"));
        let token = c.token(NOTHING);
        assert_eq!(server.open(&token, NOON), Ok(true));
        for _ in 0..3 {
            assert_eq!(server.open(&token, NOON), Ok(false));
            // Without contexts, the key can only come from the cache.
            server.keyring.contexts.set_up();
        }
    }

    #[test]
    fn sessions_of_users_open_while_the_budget_is_used_up() {
        let (server, mut c) = (Server::ours(), CModule::new("aes256"));
        let tokens = c.tokens(USER, 50);
        let flood = c.tokens(NOTHING, 50);
        server.use_budget_up(NOON);
        for (token, flood) in tokens.iter().zip(&flood) {
            assert_eq!(server.open(flood, NOON), Err(Refusal::TooManyOfNothing));
            assert_eq!(server.open(token, NOON), Ok(true));
        }
        for token in &tokens {
            assert_eq!(server.open(token, NOON), Ok(false), "its key is kept");
        }
    }

    #[test]
    fn a_session_as_short_is_refused_while_the_budget_is_used_up() {
        let (server, mut c) = (Server::ours(), CModule::new("aes256"));
        let token = c.token(SHORT);
        server.use_budget_up(NOON);
        assert_eq!(server.open(&token, NOON), Err(Refusal::TooManyOfNothing));
        assert!(Refusal::TooManyOfNothing.may_open_elsewhere());
        assert_eq!(server.open(&token, NOON + 1), Ok(true));
        server.keyring.contexts.set_up();
        server.use_budget_up(NOON + 1);
        assert_eq!(server.open(&token, NOON + 1), Ok(false), "its key is kept");
    }

    #[test]
    fn sessions_that_say_something_take_nothing_from_the_budget() {
        let (server, mut c) = (Server::ours(), CModule::new("aes256"));
        server.use_budget_up(NOON);
        server.keyring.anonymous.give_back();
        for token in c.tokens(SHORT, 20) {
            assert_eq!(server.open(&token, NOON), Ok(true));
        }
        assert_eq!(server.open(&c.token(NOTHING), NOON), Ok(true));
        let next = c.token(NOTHING);
        assert_eq!(server.open(&next, NOON), Err(Refusal::TooManyOfNothing));
    }

    #[test]
    fn own_salts_are_never_refused() {
        let server = Server::ours();
        let hours = (0..=OWN_HOURS).step_by(24);
        for hour in hours {
            let then = NOON - hour * HOUR;
            let [nothing, short] = [NOTHING, SHORT].map(|session| server.seal(session, then));
            // Another hour's key seals now.
            server.seal(NOTHING, NOON + HOUR);
            for _ in 0..2 {
                server.keyring.forget_keys();
                server.use_budget_up(NOON);
                assert_eq!(server.open(&nothing, NOON), Ok(true), "{hour}");
                assert_eq!(server.open(&short, NOON), Ok(false), "{hour}");
            }
        }
    }

    #[test]
    fn a_flood_pushes_out_no_key_that_is_in_use() {
        let (server, mut c) = (Server::ours(), CModule::new("aes256"));
        let other = Server::new(3, "aes256");
        let hours: Vec<_> = (0..50).map(|hour| NOON - hour * HOUR).collect();
        let of_users: Vec<_> = hours.iter().map(|hour| other.seal(USER, *hour)).collect();
        let of_no_user: Vec<_> = hours
            .iter()
            .map(|hour| other.seal(NOTHING, *hour))
            .collect();
        for token in &of_users {
            assert_eq!(server.open(token, NOON), Ok(true));
        }
        // More keys than can be on trial at once.
        for salt in 0..10_000_u128 {
            let id = ClassicKeyId {
                passphrase: 0,
                digest: 0,
                length: 32,
                salt: salt.to_le_bytes(),
            };
            server.keyring.slot_on_trial(&id);
        }
        for token in c.tokens(NOTHING, 100) {
            assert_eq!(server.open(&token, NOON), Ok(true));
        }
        for token in of_users.iter().chain(&of_no_user) {
            assert_eq!(server.open(token, NOON), Ok(false));
        }
    }

    #[test]
    fn one_session_that_says_nothing_does_not_condemn_its_salt() {
        let server = Server::ours();
        let other = Server::new(3, "aes256");
        let [nothing, user] = [NOTHING, USER].map(|session| other.seal(session, NOON));
        assert_eq!(server.open(&nothing, NOON), Ok(true));
        server.keyring.forget_keys();
        assert_eq!(server.open(&nothing, NOON), Err(Refusal::SaysNothing));
        assert_eq!(server.open(&user, NOON), Ok(true));
        assert_eq!(
            server.open(&nothing, NOON),
            Ok(false),
            "its key is kept now"
        );
    }

    #[test]
    fn a_token_of_another_cipher_costs_one_derivation() {
        let (server, mut c) = (Server::ours(), CModule::new("aes128"));
        let tokens = c.tokens(USER, 100);
        let first: Vec<_> = tokens
            .iter()
            .map(|token| server.open(token, NOON))
            .collect();
        for (token, first) in tokens.iter().zip(first) {
            server.keyring.forget_keys();
            // A wrong key gives right padding once in 256 times.
            if first == Err(Refusal::OtherAlgorithm) {
                assert_eq!(server.open(token, NOON), Err(Refusal::OtherAlgorithm));
                assert_eq!(server.keyring.cached_keys(), 0, "no key was derived");
            }
        }
        // A section with that cipher opens the token.
        let known = Server {
            cipher: "aes128",
            ..server
        };
        assert_eq!(known.open(&tokens[0], NOON), Ok(true));
    }
}
