//! The sections in which tokens are opened.

use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use bumpalo::Bump;
use session_crypto_core::{
    Arena, Cipher, Counters, Digest, During, Identities, KeySet, Keyring, Now, OpenError,
    OpenSslRandom, Origin, Pairs, PassphraseList, Payer, Priority, Purpose, Refusal, Sealer,
    Secrets, Seed, Settings, SharedMemory, SliceWriter,
};

use crate::oracle::vectors::root;

/// The time of every call: that of the vectors.
pub(crate) const NOW: Now = Now {
    seconds: 1_800_000_000,
    processor: 0,
};

/// The purpose of the sections that have one: that of the vectors.
pub(crate) const PURPOSE: &str = "shop";

/// The ciphers of a section for JWE.
pub(crate) const GCM: &[&str] = &["aes-256-gcm", "aes-192-gcm", "aes-128-gcm"];

/// A section of a configuration, with a keyring of its own.
pub(crate) struct Section {
    keyring: Keyring,
    keys: Keys,
    ciphers: Vec<Cipher>,
    digest: Option<Digest>,
    purpose: Option<Purpose>,
}

enum Keys {
    Passphrases(PassphraseList),
    Certificates(Arc<Identities>),
    KeySet(KeySet),
}

impl Section {
    pub(crate) fn with_passphrases<P: AsRef<[u8]>>(passphrases: &[P], ciphers: &[&str]) -> Self {
        let keyring = keyring();
        let list = passphrase_list(&keyring, passphrases);
        Self::new(keyring, Keys::Passphrases(list), ciphers)
    }

    /// A section with certificates of `core/vectors`.
    pub(crate) fn with_certificates(names: &[&str], ciphers: &[&str]) -> Self {
        let keyring = keyring();
        let file = |name: &&str| {
            let path = root().join(format!("core/vectors/certificates/{name}.pem"));
            keyring.file(&path, Origin::Server).unwrap()
        };
        let sources: Vec<_> = names.iter().map(file).collect();
        let pairs = Pairs {
            certificates: &sources,
            keys: &[],
            passphrases: &PassphraseList::default(),
            engine: None,
            origin: Origin::Server,
            payer: Payer::default(),
        };
        let identities = keyring.identities(pairs, During::Startup).unwrap();
        Self::new(keyring, Keys::Certificates(identities), ciphers)
    }

    pub(crate) fn with_key_set(json: &str, ciphers: &[&str]) -> Self {
        let keys = KeySet::parse(json.as_bytes()).unwrap();
        Self::new(keyring(), Keys::KeySet(keys), ciphers)
    }

    fn new(keyring: Keyring, keys: Keys, ciphers: &[&str]) -> Self {
        let ciphers = ciphers.iter();
        let ciphers = ciphers.map(|name| keyring.cipher(None, name).unwrap());
        Self {
            ciphers: ciphers.collect(),
            keyring,
            keys,
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

    /// Derives the master keys of JWE, as a server does it before it answers requests.
    pub(crate) fn prepared(self) -> Self {
        let seconds = NOW.seconds;
        let noted = self
            .keyring
            .prepare(self.settings(), Priority::Named, seconds);
        noted.unwrap();
        for job in self.keyring.jobs(seconds, NonZeroUsize::MIN).open {
            job.derive().unwrap();
        }
        self
    }

    fn settings(&self) -> Settings<'_> {
        let secrets = match &self.keys {
            Keys::Passphrases(list) => Secrets::Passphrases(list),
            Keys::Certificates(list) => Secrets::Certificates(list),
            Keys::KeySet(keys) => Secrets::KeySet {
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

    pub(crate) fn seal(&self, session: &[u8]) -> Vec<u8> {
        let sealer = Sealer::new(&self.keyring, self.settings());
        let memory = Memory::default();
        let sealed = sealer.seal(session, NOW, &&memory).unwrap();
        sealed.token.to_bytes().to_vec()
    }

    /// The session of a token, or the reason why it is refused. No token makes this host
    /// fail.
    pub(crate) fn open(&self, token: &[u8]) -> Result<Vec<u8>, Refusal> {
        let sealer = Sealer::new(&self.keyring, self.settings());
        let memory = Memory::default();
        match sealer.open(token, NOW, &&memory) {
            Ok(opened) => Ok(opened.session.to_bytes().to_vec()),
            Err(OpenError::Refused(refusal)) => Err(refusal),
            Err(OpenError::Library(error)) => panic!("a token makes the host fail: {error}"),
        }
    }
}

/// The memory of one call, which is freed after it: nothing leaks but by mistake.
#[derive(Default)]
struct Memory(Bump);

impl<'m> Arena<'m> for &'m Memory {
    type Writer = SliceWriter<'m>;

    fn bytes(&self, length: usize) -> &'m mut [MaybeUninit<u8>] {
        self.0.alloc_slice_fill_copy(length, MaybeUninit::uninit())
    }

    fn writer(&self, length: usize) -> SliceWriter<'m> {
        SliceWriter::new(self.0.alloc_slice_fill_copy(length + 1, 0))
    }
}

pub(crate) fn keyring() -> Keyring {
    let memory = SharedMemory {
        masters: words(SharedMemory::MASTERS),
        salts: words(SharedMemory::SALTS),
        cookie_warnings: &WARNINGS,
        counters: Counters::none(),
    };
    Keyring::new(Seed([0; 16]), OpenSslRandom, memory).unwrap()
}

static WARNINGS: AtomicU64 = AtomicU64::new(0);

/// Words that are zero. They are never freed, and stay known to the search for leaks.
fn words(count: usize) -> &'static [AtomicU64] {
    static KNOWN: Mutex<Vec<&[AtomicU64]>> = Mutex::new(Vec::new());
    let words = (0..count).map(|_| AtomicU64::new(0));
    let words: &[_] = Vec::leak(words.collect());
    KNOWN.lock().unwrap().push(words);
    words
}

pub(crate) fn passphrase_list<P: AsRef<[u8]>>(keyring: &Keyring, texts: &[P]) -> PassphraseList {
    let texts = texts.iter().map(AsRef::as_ref);
    let passphrases = texts.map(|text| keyring.passphrase(text, Origin::Server).unwrap());
    passphrases.collect()
}
