//! What is measured: our seal and open, and the primitives that they cannot
//! do without.
#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a measurement that cannot go on stops"
)]

use std::ffi::CStr;
use std::sync::Arc;

use base64_simd::{AsOut, STANDARD};
use bumpalo::Bump;
use openssl::cipher::Cipher as Evp;
use openssl::cipher_ctx::CipherCtx;
use session_crypto_core::{Arena, Call, Keyring, OpenSslRandom, Origin, Passphrase, Sealer, Seed};

const CALL: Call = Call {
    now: 1_800_000_000,
    processor: 0,
};

/// A section with one passphrase, and a session.
pub(crate) struct Kit {
    keyring: Keyring,
    passphrases: Vec<Arc<Passphrase>>,
    session: Vec<u8>,
    memory: Bump,
}

impl Kit {
    pub(crate) fn new(size: usize) -> Self {
        let keyring = Keyring::new(Seed([0; 16]), OpenSslRandom).unwrap();
        let passphrases = vec![keyring.passphrase(b"secret", Origin::Server).unwrap()];
        let mut kit = Self {
            keyring,
            passphrases,
            session: session(size),
            memory: Bump::new(),
        };
        // The key is derived and the bench set up before anything is measured.
        let token = kit.seal().to_owned();
        kit.open(token.to_bytes()).unwrap();
        kit
    }

    pub(crate) fn seal(&mut self) -> &CStr {
        self.memory.reset();
        self.sealer()
            .seal(&self.session, CALL, &Pool(&self.memory))
            .unwrap()
            .token
    }

    pub(crate) fn open(&mut self, token: &[u8]) -> Option<&[u8]> {
        self.memory.reset();
        let opened = self.sealer().open(token, CALL, &Pool(&self.memory));
        opened.ok().map(|opened| opened.session.to_bytes())
    }

    fn sealer(&self) -> Sealer<'_> {
        let keyring = &self.keyring;
        Sealer::new(
            keyring,
            &self.passphrases,
            keyring.default_ciphers(),
            keyring.default_digest(),
        )
    }
}

/// AES-256-CBC on contexts that have their key, and base64.
pub(crate) struct Bare {
    sealing: CipherCtx,
    opening: CipherCtx,
    session: Vec<u8>,
    raw: Vec<u8>,
    text: Vec<u8>,
    plain: Vec<u8>,
}

impl Bare {
    pub(crate) fn new(size: usize) -> Self {
        let cipher = Evp::fetch(None, "AES-256-CBC", None).unwrap();
        let (mut sealing, mut opening) = (CipherCtx::new().unwrap(), CipherCtx::new().unwrap());
        sealing
            .encrypt_init(Some(&cipher), Some(&[7; 32]), Some(&[0; 16]))
            .unwrap();
        opening
            .decrypt_init(Some(&cipher), Some(&[7; 32]), Some(&[0; 16]))
            .unwrap();
        Self {
            sealing,
            opening,
            session: session(size),
            raw: vec![0; size + 64],
            text: vec![0; size * 2 + 64],
            plain: vec![0; size + 64],
        }
    }

    pub(crate) fn seal(&mut self) -> &[u8] {
        let iv = [7; 16];
        self.raw[..16].copy_from_slice(&iv);
        self.sealing.encrypt_init(None, None, Some(&iv)).unwrap();
        let mut end = 16;
        end += self
            .sealing
            .cipher_update(&self.session, Some(&mut self.raw[end..]))
            .unwrap();
        end += self.sealing.cipher_final(&mut self.raw[end..]).unwrap();
        STANDARD.encode(&self.raw[..end], self.text.as_mut_slice().as_out())
    }

    pub(crate) fn open(&mut self, token: &[u8]) -> &[u8] {
        let raw = STANDARD
            .decode(token, self.raw.as_mut_slice().as_out())
            .unwrap();
        self.opening
            .decrypt_init(None, None, Some(&raw[..16]))
            .unwrap();
        let mut end = self
            .opening
            .cipher_update(&raw[16..], Some(&mut self.plain))
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

/// Memory as httpd's pools hand it out: the next bytes of a block.
struct Pool<'b>(&'b Bump);

impl<'b> Arena<'b> for Pool<'b> {
    fn bytes(&self, len: usize) -> &'b mut [u8] {
        self.0.alloc_slice_fill_copy(len, 0)
    }
}
