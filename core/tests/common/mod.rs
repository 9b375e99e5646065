//! What the tests of this folder share.
#![allow(dead_code, reason = "no test uses all of it")]

pub(crate) mod certified;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_crypto_core::{
    Asked, Cipher, Digest, HeapArena, Identities, Keyring, Keys, Now, OpenError, OpenSslRandom,
    Origin, Pairs, PassphraseList, Purpose, Refusal, Sealer, Seed, Settings, SharedMemory,
};

/// Some time; what it is makes no difference.
pub(crate) const NOW: Now = Now {
    seconds: 1_800_000_000,
    processor: 0,
};

/// What a section says, in a keyring of its own.
pub(crate) struct Section {
    pub(crate) keyring: Arc<Keyring>,
    held: Held,
    ciphers: Vec<Cipher>,
    digest: Option<Digest>,
    purpose: Option<Purpose>,
}

enum Held {
    Passphrases(PassphraseList),
    Certificates(Arc<Identities>),
}

/// A file with a private key and its certificate.
pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/certificates/{name}.pem"))
}

impl Section {
    pub(crate) fn new(passphrases: &[&str], ciphers: &[&str]) -> Self {
        let keyring =
            Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap());
        Self::within(keyring, passphrases, ciphers)
    }

    /// Two sections of one process.
    pub(crate) fn two(one: &[&str], other: &[&str], ciphers: &[&str]) -> (Self, Self) {
        let keyring =
            Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap());
        let one = Self::within(keyring.clone(), one, ciphers);
        (one, Self::within(keyring, other, ciphers))
    }

    pub(crate) fn within(keyring: Arc<Keyring>, passphrases: &[&str], ciphers: &[&str]) -> Self {
        let passphrases = passphrases
            .iter()
            .map(|text| keyring.passphrase(text.as_bytes(), Origin::Server).unwrap())
            .collect();
        Self::of(keyring, Held::Passphrases(passphrases), ciphers)
    }

    /// A section with certificates of `core/vectors`.
    pub(crate) fn certified(certificates: &[&str], ciphers: &[&str]) -> Self {
        let keyring =
            Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap());
        Self::certified_within(keyring, certificates, ciphers)
    }

    /// Another one of the same process.
    pub(crate) fn certified_beside(&self, certificates: &[&str], ciphers: &[&str]) -> Self {
        Self::certified_within(self.keyring.clone(), certificates, ciphers)
    }

    pub(crate) fn certified_within(
        keyring: Arc<Keyring>,
        certificates: &[&str],
        ciphers: &[&str],
    ) -> Self {
        let sources: Vec<_> = certificates
            .iter()
            .map(|name| keyring.file(&certificate(name), Origin::Server).unwrap())
            .collect();
        let pairs = Pairs {
            certificates: &sources,
            keys: &[],
            passphrases: &PassphraseList::default(),
            engine: None,
            origin: Origin::Server,
        };
        let identities = keyring.identities(pairs, Asked::AtStartup).unwrap();
        Self::of(keyring, Held::Certificates(identities), ciphers)
    }

    fn of(keyring: Arc<Keyring>, held: Held, ciphers: &[&str]) -> Self {
        let ciphers = ciphers
            .iter()
            .map(|name| keyring.cipher(None, name).unwrap())
            .collect();
        Self {
            keyring,
            held,
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

    pub(crate) fn settings(&self) -> Settings<'_> {
        Settings {
            keys: match &self.held {
                Held::Passphrases(list) => Keys::Passphrases(list),
                Held::Certificates(list) => Keys::Certificates(list),
            },
            ciphers: &self.ciphers,
            digest: self.digest.as_ref(),
            purpose: self.purpose.as_ref(),
            engine: None,
        }
    }

    /// Its master keys are there, as those of a section of the server
    /// configuration are.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        if self.ciphers.first().is_some_and(Cipher::is_aead) {
            self.derive_masters();
        }
        self.sealer_of_a_request()
    }

    pub(crate) fn derive_masters(&self) {
        if let Held::Passphrases(_) = self.held {
            self.keyring
                .derive_for(self.settings(), NOW.seconds)
                .unwrap();
        }
        for job in self.keyring.master_jobs() {
            job.derive().unwrap();
        }
    }

    /// A sealer for settings that no parent has seen.
    pub(crate) fn sealer_of_a_request(&self) -> Sealer<'_> {
        Sealer::new(&self.keyring, self.settings())
    }

    pub(crate) fn seal(&self, session: &[u8]) -> Vec<u8> {
        self.sealer()
            .seal(session, NOW, &HeapArena)
            .unwrap()
            .token
            .to_bytes()
            .to_vec()
    }

    /// The session and whether it is stale, or why it is refused.
    pub(crate) fn open(&self, token: &[u8]) -> Result<(Vec<u8>, bool), Refusal> {
        match self.sealer().open(token, NOW, &HeapArena) {
            Ok(opened) => Ok((opened.session.to_bytes().to_vec(), opened.stale)),
            Err(OpenError::Refused(refusal)) => Err(refusal),
            Err(OpenError::Library(error)) => unreachable!("{error}"),
        }
    }
}
