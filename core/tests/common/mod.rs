//! What the tests of this folder share.
#![allow(dead_code, reason = "no test uses all of it")]

use std::sync::Arc;

use session_crypto_core::{
    Arena, Call, Cipher, Digest, Keyring, Keys, OpenError, OpenSslRandom, Origin, PassphraseList,
    Purpose, Refusal, Sealer, Seed, Settings,
};

/// Some time; what it is makes no difference.
pub(crate) const CALL: Call = Call {
    now: 1_800_000_000,
    processor: 0,
};

/// An arena whose memory is never freed.
pub(crate) struct Leak;

impl Arena<'static> for Leak {
    fn bytes(&self, len: usize) -> &'static mut [u8] {
        vec![0; len].leak()
    }
}

/// What a section says, in a keyring of its own.
pub(crate) struct Section {
    keyring: Arc<Keyring>,
    passphrases: PassphraseList,
    ciphers: Vec<Cipher>,
    digest: Option<Digest>,
    purpose: Option<Purpose>,
}

impl Section {
    pub(crate) fn new(passphrases: &[&str], ciphers: &[&str]) -> Self {
        let keyring = Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom).unwrap());
        Self::within(keyring, passphrases, ciphers)
    }

    /// Two sections of one process.
    pub(crate) fn two(one: &[&str], other: &[&str], ciphers: &[&str]) -> (Self, Self) {
        let keyring = Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom).unwrap());
        let one = Self::within(keyring.clone(), one, ciphers);
        (one, Self::within(keyring, other, ciphers))
    }

    fn within(keyring: Arc<Keyring>, passphrases: &[&str], ciphers: &[&str]) -> Self {
        let passphrases = passphrases
            .iter()
            .map(|text| keyring.passphrase(text.as_bytes(), Origin::Server).unwrap())
            .collect();
        let ciphers = ciphers
            .iter()
            .map(|name| keyring.cipher(None, name).unwrap())
            .collect();
        Self {
            keyring,
            passphrases,
            ciphers,
            digest: None,
            purpose: None,
        }
    }

    pub(crate) fn digest(mut self, name: &str) -> Self {
        self.digest = Some(self.keyring.digest(None, name).unwrap());
        self
    }

    pub(crate) fn purpose(mut self, text: &str) -> Self {
        self.purpose = Some(Purpose::new(text).unwrap());
        self
    }

    pub(crate) fn sealer(&self) -> Sealer<'_> {
        let settings = Settings {
            keys: Keys::Passphrases(&self.passphrases),
            ciphers: &self.ciphers,
            digest: self.digest.as_ref(),
            purpose: self.purpose.as_ref(),
            engine: None,
        };
        Sealer::new(&self.keyring, settings)
    }

    pub(crate) fn seal(&self, session: &[u8]) -> Vec<u8> {
        self.sealer()
            .seal(session, CALL, &Leak)
            .unwrap()
            .token
            .to_bytes()
            .to_vec()
    }

    /// The session and whether it is stale, or why it is refused.
    pub(crate) fn open(&self, token: &[u8]) -> Result<(Vec<u8>, bool), Refusal> {
        match self.sealer().open(token, CALL, &Leak) {
            Ok(opened) => Ok((opened.session.to_bytes().to_vec(), opened.stale)),
            Err(OpenError::Refused(refusal)) => Err(refusal),
            Err(OpenError::Library(error)) => unreachable!("{error}"),
        }
    }
}
