//! Certificates and private keys behind URIs of a provider, in its own library context.
//!
//! The URIs name files, for which every OpenSSL has a store. The code for a hardware
//! token is the same.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::path::Path;
use std::sync::Arc;

use common::{NOW, Section, certificate};
use openssl::pkey::PKey;
use openssl::symm::Cipher;
use session_crypto_core::{
    Cost, DefaultCiphers, During, Engine, HeapArena, Identities, Keyring, OpenSslRandom, Origin,
    PairingError, Pairs, PassphraseList, Payer, Priority, Sealer, Secrets, Seed, Settings,
    SharedMemory,
};

mod common;

const CERTIFICATES: [&str; 4] = ["rsa-2048", "p-256", "p-384", "p-521"];

/// A keyring with a provider.
struct WithProvider {
    keyring: Keyring,
    engine: Arc<Engine>,
}

impl WithProvider {
    fn new() -> Self {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
        let engine = keyring.engine("provider:legacy", Origin::Server).unwrap();
        Self { keyring, engine }
    }

    fn pair(
        &self,
        certificate: &Path,
        key: &Path,
        passphrases: &[&str],
        origin: Origin,
    ) -> Result<Arc<Identities>, PairingError> {
        let uri = |path: &Path| self.keyring.uri(&format!("file:{}", path.display()));
        let passphrase = |text: &&str| {
            self.keyring
                .passphrase(text.as_bytes(), Origin::Server)
                .unwrap()
        };
        let passphrases: PassphraseList = passphrases.iter().map(passphrase).collect();
        let pairs = Pairs {
            certificates: &[uri(certificate)],
            keys: &[uri(key)],
            passphrases: &passphrases,
            engine: Some(&self.engine),
            origin,
            payer: Payer::default(),
        };
        self.keyring.identities(pairs, During::Startup)
    }

    fn settings<'s>(&'s self, identities: &'s Identities) -> Settings<'s> {
        let ciphers = self
            .keyring
            .default_ciphers(Some(&self.engine), DefaultCiphers::Jwe);
        Settings {
            engine: Some(&self.engine),
            ..Settings::new(Secrets::Certificates(identities), ciphers)
        }
    }
}

/// A file with a private key under a PIN, which is removed when the test ends.
struct EncryptedKeyFile(std::path::PathBuf);

impl EncryptedKeyFile {
    fn new(pin: &str) -> Self {
        let key = std::fs::read(certificate("p-256")).unwrap();
        let key = PKey::private_key_from_pem(&key).unwrap();
        let pem = key
            .private_key_to_pem_pkcs8_passphrase(Cipher::aes_256_cbc(), pin.as_bytes())
            .unwrap();
        let name = format!("session-crypto-provided-{pin}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, pem).unwrap();
        Self(path)
    }
}

impl Drop for EncryptedKeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn seals_and_opens_with_keys_of_a_provider() {
    for name in CERTIFICATES {
        let provided = WithProvider::new();
        let path = certificate(name);
        let identities = provided.pair(&path, &path, &[], Origin::Server).unwrap();
        let settings = provided.settings(&identities);
        let prepared = provided
            .keyring
            .prepare(settings, Priority::Named, NOW.seconds);
        assert_eq!(prepared.unwrap(), 1, "{name}");
        provided.keyring.after_fork();
        let sealer = Sealer::new(&provided.keyring, settings);
        let token = sealer.seal(b"user=joe", NOW, &HeapArena).unwrap().token;
        // Another server has the same certificate and key in a file.
        let section = Section::certified(&[name], &["aes-256-gcm"]);
        let opened = section.open(token.to_bytes());
        assert_eq!(opened, Ok((b"user=joe".to_vec(), false)), "{name}");
        let theirs = section.seal(b"user=jane");
        let opened = sealer.open(&theirs, NOW, &HeapArena).unwrap();
        assert_eq!(opened.session.to_bytes(), b"user=jane", "{name}");
        assert_ne!(opened.cost, Cost::None, "{name}");
    }
}

#[test]
fn only_the_first_passphrase_is_tried_as_the_pin() {
    let key = EncryptedKeyFile::new("11111");
    for (passphrases, opens) in [
        (&["11111"][..], true),
        (&["11111", "22222"], true),
        (&["22222", "11111"], false),
        (&[], false),
    ] {
        let provided = WithProvider::new();
        let paired = provided.pair(&certificate("p-256"), &key.0, passphrases, Origin::Server);
        assert_eq!(paired.is_ok(), opens, "{passphrases:?}");
        if let Err(error) = paired {
            assert!(!error.to_string().contains("22222"), "{error}");
        }
    }
}

#[test]
fn a_passphrase_of_htaccess_is_never_tried_as_the_pin() {
    let key = EncryptedKeyFile::new("33333");
    let provided = WithProvider::new();
    let pair = |origin, pin| provided.pair(&certificate("p-256"), &key.0, &[pin], origin);
    assert!(pair(Origin::Server, "33333").is_ok());
    let refusals: Vec<_> = ["33333", "44444"]
        .map(|pin| pair(Origin::Htaccess, pin).unwrap_err().to_string())
        .into();
    assert_eq!(refusals.first(), refusals.last());
}

#[test]
fn two_names_of_a_provider_find_the_same_engine() {
    let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
    let engine = |text| keyring.engine(text, Origin::Server).unwrap();
    let first = engine("provider:legacy");
    assert!(Arc::ptr_eq(&first, &engine("legacy")));
    assert!(keyring.engine("legacy", Origin::Htaccess).is_ok());
    assert!(
        keyring
            .engine("provider:default", Origin::Htaccess)
            .is_err()
    );
    assert!(!Arc::ptr_eq(&first, &engine("provider:default")));
}
