//! Sections of a configuration that the tests of this folder share.
#![allow(dead_code, reason = "no test uses all of it")]
#![allow(clippy::panic, reason = "a test that cannot go on stops")]

pub(crate) mod certified;
pub(crate) mod device_server;
pub(crate) mod devices;
pub(crate) mod tokens;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use session_crypto_core::{
    Cipher, Digest, During, HeapArena, Identities, KeySet, Keyring, Now, OpenError, OpenSslRandom,
    Origin, Pairs, PassphraseList, Payer, Priority, Purpose, Refusal, Sealer, Secrets, Seed,
    Settings, SharedMemory,
};

/// A time for tests in which the time does not matter.
pub(crate) const NOW: Now = Now {
    seconds: 1_800_000_000,
    processor: 0,
};

/// The settings of a section, with the keyring that they belong to.
pub(crate) struct Section {
    pub(crate) keyring: Arc<Keyring>,
    keys: SectionKeys,
    ciphers: Vec<Cipher>,
    digest: Option<Digest>,
    purpose: Option<Purpose>,
}

enum SectionKeys {
    Passphrases(PassphraseList),
    Certificates(Arc<Identities>),
    KeySet(KeySet),
}

/// The path of a file with a private key and its certificate.
pub(crate) fn certificate(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("vectors/certificates/{name}.pem"))
}

impl Section {
    /// A section in a keyring of its own.
    pub(crate) fn new(passphrases: &[&str], ciphers: &[&str]) -> Self {
        let keyring =
            Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap());
        Self::within(keyring, passphrases, ciphers)
    }

    /// Two sections that share a keyring.
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
        Self::with_keys(keyring, SectionKeys::Passphrases(passphrases), ciphers)
    }

    /// A section with certificates of `core/vectors`, in a keyring of its own.
    pub(crate) fn certified(certificates: &[&str], ciphers: &[&str]) -> Self {
        let keyring =
            Arc::new(Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap());
        Self::certified_within(keyring, certificates, ciphers)
    }

    /// Another section in the same keyring.
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
            payer: Payer::default(),
        };
        let identities = keyring.identities(pairs, During::Startup).unwrap();
        Self::with_keys(keyring, SectionKeys::Certificates(identities), ciphers)
    }

    /// A section with the keys of a JWK Set, in a keyring of its own.
    pub(crate) fn with_key_set(json: &str, ciphers: &[&str]) -> Self {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
        let keys = SectionKeys::KeySet(KeySet::parse(json.as_bytes()).unwrap());
        Self::with_keys(Arc::new(keyring), keys, ciphers)
    }

    fn with_keys(keyring: Arc<Keyring>, keys: SectionKeys, ciphers: &[&str]) -> Self {
        let ciphers = ciphers
            .iter()
            .map(|name| keyring.cipher(None, name).unwrap())
            .collect();
        Self {
            keyring,
            keys,
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
        let secrets = match &self.keys {
            SectionKeys::Passphrases(list) => Secrets::Passphrases(list),
            SectionKeys::Certificates(list) => Secrets::Certificates(list),
            SectionKeys::KeySet(keys) => Secrets::KeySet {
                keys,
                passphrases: None,
            },
        };
        Settings {
            digest: self.digest.as_ref(),
            purpose: self.purpose.as_ref(),
            ..Settings::new(secrets, &self.ciphers)
        }
    }

    /// A sealer whose master keys are derived beforehand, as for a section of the server
    /// configuration.
    pub(crate) fn sealer(&self) -> Sealer<'_> {
        if self.ciphers.first().is_some_and(Cipher::is_aead) {
            self.derive_masters();
        }
        self.sealer_of_a_request()
    }

    pub(crate) fn derive_masters(&self) {
        if let SectionKeys::Passphrases(_) = self.keys {
            self.keyring
                .prepare(self.settings(), Priority::Named, NOW.seconds)
                .unwrap();
        }
        for job in self.keyring.jobs(NOW.seconds, NonZeroUsize::MIN).open {
            job.derive().unwrap();
        }
    }

    /// A sealer with no key derived beforehand, as for a section of a `.htaccess` file.
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

    /// The session and whether it is stale, or the reason why the token is refused.
    pub(crate) fn open(&self, token: &[u8]) -> Result<(Vec<u8>, bool), Refusal> {
        match self.sealer().open(token, NOW, &HeapArena) {
            Ok(opened) => Ok((opened.session.to_bytes().to_vec(), opened.stale)),
            Err(OpenError::Refused(refusal)) => Err(refusal),
            Err(OpenError::Library(error)) => unreachable!("{error}"),
        }
    }
}
