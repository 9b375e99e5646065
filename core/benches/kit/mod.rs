//! The measured code: our seal and open, and the primitives that they need.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on stops"
)]

use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::Arc;

use base64_simd::{AsOut, STANDARD};
use bumpalo::Bump;
use openssl::cipher::Cipher as Evp;
use openssl::cipher_ctx::CipherCtx;
use session_crypto_core::{
    Arena, Cipher, DefaultCiphers, During, Identities, KeySet, Keyring, Now, OpenSslRandom,
    OpeningKey, Origin, Pairs, PassphraseList, Payer, Sealer, Secrets, Seed, Settings,
    SharedMemory, Text, UserEntry, UserId, Writer,
};

const NOW: Now = Now {
    seconds: 1_800_000_000,
    processor: 0,
};

/// A section with one passphrase, one certificate or a JWK Set, and a session.
pub(crate) struct Kit {
    keyring: Keyring,
    keys: SectionKeys,
    ciphers: Vec<Cipher>,
    session: Vec<u8>,
    memory: Bump,
}

enum SectionKeys {
    Passphrases(PassphraseList),
    Certificates(Arc<Identities>),
    KeySet(KeySet),
}

/// The certificates of `core/vectors/certificates` that are measured, with AES-256-GCM.
const CERTIFICATES: [&str; 2] = ["rsa-2048", "p-256"];

/// The name of a JWK Set, with AES-256-GCM.
const KEY_SET: &str = "key-set";

/// Three keys, as in a rotation: one has been replaced, and one has not begun.
const KEYS: &[u8] = br#"{"keys":[
    {"kty":"oct","kid":"oldest-1","k":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8","nbf":1},
    {"kty":"oct","kid":"newer-22","k":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA","nbf":2},
    {"kty":"oct","kid":"future-3","k":"AgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fICE","nbf":4000000000}
]}"#;

impl Kit {
    /// Takes the name of a cipher or of a certificate, or `key-set`.
    pub(crate) fn new(size: usize, name: &str) -> Self {
        Self::of(session(size), name)
    }

    /// Takes what to seal, and a name as above.
    pub(crate) fn of(session: Vec<u8>, name: &str) -> Self {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom, SharedMemory::alone()).unwrap();
        let (keys, ciphers) = if name == KEY_SET {
            let ciphers = keyring.default_ciphers(None, DefaultCiphers::Jwe).to_vec();
            (SectionKeys::KeySet(KeySet::parse(KEYS).unwrap()), ciphers)
        } else if CERTIFICATES.contains(&name) {
            let ciphers = keyring.default_ciphers(None, DefaultCiphers::Jwe).to_vec();
            (
                SectionKeys::Certificates(identities(&keyring, name)),
                ciphers,
            )
        } else {
            let passphrase = keyring.passphrase(b"secret", Origin::Server).unwrap();
            let keys = SectionKeys::Passphrases([passphrase].into_iter().collect());
            (keys, vec![keyring.cipher(None, name).unwrap()])
        };
        let mut kit = Self {
            keyring,
            keys,
            ciphers,
            session,
            memory: Bump::new(),
        };
        // This derives the key and sets up the contexts before the measurement.
        let token = kit.seal().to_owned();
        kit.open(&token).unwrap();
        kit
    }

    pub(crate) fn seal(&mut self) -> &[u8] {
        self.memory.reset();
        self.sealer()
            .seal(&self.session, NOW, &Pool(&self.memory))
            .unwrap()
            .token
            .to_bytes()
    }

    pub(crate) fn open(&mut self, token: &[u8]) -> Option<&[u8]> {
        self.memory.reset();
        let opened = self.sealer().open(token, NOW, &Pool(&self.memory));
        opened.ok().map(|opened| opened.session.to_bytes())
    }

    /// The id of a user under the key that opened a token.
    #[allow(dead_code, reason = "not among the counted calls")]
    pub(crate) fn user_id(&self, key: OpeningKey) -> UserId {
        let user = UserEntry {
            name: b"user",
            value: b"joe.bloggs@example.com",
        };
        self.sealer().user_id(key, user, NOW).unwrap()
    }

    /// The key that opens a token.
    #[allow(dead_code, reason = "not among the counted calls")]
    pub(crate) fn opening_key(&mut self, token: &[u8]) -> OpeningKey {
        self.memory.reset();
        let opened = self.sealer().open(token, NOW, &Pool(&self.memory));
        opened.unwrap().key
    }

    fn sealer(&self) -> Sealer<'_> {
        let secrets = match &self.keys {
            SectionKeys::Passphrases(list) => Secrets::Passphrases(list),
            SectionKeys::Certificates(list) => Secrets::Certificates(list),
            SectionKeys::KeySet(keys) => Secrets::KeySet {
                keys,
                passphrases: None,
            },
        };
        Sealer::new(&self.keyring, Settings::new(secrets, &self.ciphers))
    }
}

fn identities(keyring: &Keyring, name: &str) -> Arc<Identities> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/certificates");
    let file = keyring.file(&folder.join(format!("{name}.pem")), Origin::Server);
    let pairs = Pairs {
        certificates: &[file.unwrap()],
        keys: &[],
        passphrases: &PassphraseList::default(),
        engine: None,
        origin: Origin::Server,
        payer: Payer::default(),
    };
    keyring.identities(pairs, During::Startup).unwrap()
}

/// The primitives alone: a cipher on contexts that keep their key, and base64.
pub(crate) struct Bare {
    sealing: CipherCtx,
    opening: CipherCtx,
    iv_length: usize,
    is_aead: bool,
    session: Vec<u8>,
    raw: Vec<u8>,
    text: Vec<u8>,
    plain: Vec<u8>,
}

const IV: [u8; 16] = [7; 16];
const TAG: usize = 16;

impl Bare {
    /// Takes the name of a cipher or of a certificate, or `key-set`.
    pub(crate) fn new(size: usize, name: &str) -> Self {
        let is_aead = name.ends_with("gcm") || name == KEY_SET || CERTIFICATES.contains(&name);
        let cipher = if is_aead {
            "AES-256-GCM"
        } else {
            "AES-256-CBC"
        };
        let evp = Evp::fetch(None, cipher, None).unwrap();
        let iv_length = evp.iv_length();
        let (mut sealing, mut opening) = (CipherCtx::new().unwrap(), CipherCtx::new().unwrap());
        sealing
            .encrypt_init(Some(&evp), Some(&[7; 32]), Some(&IV[..iv_length]))
            .unwrap();
        opening
            .decrypt_init(Some(&evp), Some(&[7; 32]), Some(&IV[..iv_length]))
            .unwrap();
        Self {
            sealing,
            opening,
            iv_length,
            is_aead,
            session: session(size),
            raw: vec![0; size + 64],
            text: vec![0; size * 2 + 64],
            plain: vec![0; size + 64],
        }
    }

    pub(crate) fn seal(&mut self) -> &[u8] {
        let iv = &IV[..self.iv_length];
        self.raw[..iv.len()].copy_from_slice(iv);
        self.sealing.encrypt_init(None, None, Some(iv)).unwrap();
        let mut end = iv.len();
        end += self
            .sealing
            .cipher_update(&self.session, Some(&mut self.raw[end..]))
            .unwrap();
        end += self.sealing.cipher_final(&mut self.raw[end..]).unwrap();
        if self.is_aead {
            self.sealing.tag(&mut self.raw[end..end + TAG]).unwrap();
            end += TAG;
        }
        STANDARD.encode(&self.raw[..end], self.text.as_mut_slice().as_out())
    }

    pub(crate) fn open(&mut self, token: &[u8]) -> &[u8] {
        let raw = STANDARD
            .decode(token, self.raw.as_mut_slice().as_out())
            .unwrap();
        let (iv, mut text) = raw.split_at(self.iv_length);
        self.opening.decrypt_init(None, None, Some(iv)).unwrap();
        if self.is_aead {
            let (rest, tag) = text.split_at(text.len() - TAG);
            self.opening.set_tag(tag).unwrap();
            text = rest;
        }
        let mut end = self
            .opening
            .cipher_update(text, Some(&mut self.plain))
            .unwrap();
        end += self.opening.cipher_final(&mut self.plain[end..]).unwrap();
        &self.plain[..end]
    }
}

fn session(size: usize) -> Vec<u8> {
    b"user=joe&expiry=1800000000000000&"
        .iter()
        .copied()
        .cycle()
        .take(size)
        .collect()
}

/// An arena that allocates as httpd's pools do: the next bytes of a block.
struct Pool<'b>(&'b Bump);

impl<'b> Arena<'b> for Pool<'b> {
    type Writer = PoolWriter<'b>;

    fn bytes(&self, len: usize) -> &'b mut [MaybeUninit<u8>] {
        self.0.alloc_slice_fill_copy(len, MaybeUninit::uninit())
    }

    fn writer(&self, len: usize) -> PoolWriter<'b> {
        PoolWriter {
            memory: self.0,
            text: self.0.alloc_slice_fill_copy(len.saturating_add(1), 0),
            written: 0,
        }
    }
}

/// Text in a block that is cleared beforehand and copied to, which takes no unsafe code.
struct PoolWriter<'b> {
    memory: &'b Bump,
    text: &'b mut [u8],
    written: usize,
}

impl<'b> Writer<'b> for PoolWriter<'b> {
    fn push(&mut self, bytes: &[u8]) {
        let room = self.text.get_mut(self.written..).unwrap_or_default();
        room.iter_mut()
            .zip(bytes)
            .for_each(|(to, from)| *to = *from);
        self.written = self.written.saturating_add(bytes.len());
    }

    fn fill(
        &mut self,
        len: usize,
        write: impl for<'w> FnOnce(&'w mut [MaybeUninit<u8>]) -> Option<&'w mut [u8]>,
    ) -> Option<&mut [u8]> {
        let room = self
            .memory
            .alloc_slice_fill_copy(len, MaybeUninit::uninit());
        let start = self.written;
        self.push(write(room)?);
        self.text.get_mut(start..self.written)
    }

    fn finish(self) -> Option<Text<'b>> {
        Text::new(self.text)
    }
}
