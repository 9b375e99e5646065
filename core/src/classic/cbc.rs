//! CBC in contexts that are kept.

use std::num::NonZeroUsize;

use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use crate::algorithm::cipher::{Cipher, MAX_BLOCK};
use crate::error::LibraryError;
use crate::passphrase::classic_keys::KeyName;

/// A CBC context for one direction, and the key that it holds.
///
/// Neither IV nor padding is OpenSSL's business here: the IV is one more block
/// at the front, and the chain goes on from one token to the next. So a token
/// takes one call, where setting an IV and finishing would make it three.
pub(crate) struct KeyedContext {
    context: CipherCtx,
    direction: Direction,
    holds: Option<Held>,
    /// The block that the chain has come to.
    last: [u8; MAX_BLOCK],
}

/// What a context is set up for: a key, as a cipher uses it.
#[derive(Clone, PartialEq, Eq)]
struct Held {
    key: KeyName,
    cipher: usize,
}

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt,
}

impl KeyedContext {
    pub(crate) fn encrypting() -> Result<Self, LibraryError> {
        Self::new(Direction::Encrypt)
    }

    pub(crate) fn decrypting() -> Result<Self, LibraryError> {
        Self::new(Direction::Decrypt)
    }

    fn new(direction: Direction) -> Result<Self, LibraryError> {
        Ok(Self {
            context: new_context()?,
            direction,
            holds: None,
            last: [0; MAX_BLOCK],
        })
    }

    /// Says whether the context holds this key.
    pub(crate) fn holds(&self, name: &KeyName, cipher: &Cipher) -> bool {
        self.holds
            .as_ref()
            .is_some_and(|held| held.cipher == cipher.id() && held.key == *name)
    }

    /// Sets the key.
    pub(crate) fn set_key(
        &mut self,
        name: &KeyName,
        cipher: &Cipher,
        block_size: NonZeroUsize,
        key: &[u8],
    ) -> Result<(), LibraryError> {
        let is_same = |held: Held| held.cipher == cipher.id();
        if !self.holds.take().is_some_and(is_same) {
            // One that an engine's cipher was in stays with the engine, and
            // then has another's cipher without its state: OpenSSL 3.0 reads
            // through NULL (evp_cipher_init_internal).
            self.context = new_context()?;
        }
        self.last = [0; MAX_BLOCK];
        let iv = self.last.get(..block_size.get());
        let done = match self.direction {
            Direction::Encrypt => self.context.encrypt_init(Some(cipher.evp()), Some(key), iv),
            Direction::Decrypt => self.context.decrypt_init(Some(cipher.evp()), Some(key), iv),
        };
        done.map_err(|stack| LibraryError::new("start a cipher", &stack))?;
        self.context.set_padding(false);
        self.holds = Some(Held {
            key: *name,
            cipher: cipher.id(),
        });
        Ok(())
    }

    /// Encrypts whole blocks where they are. The first must be a nonce, and
    /// becomes the IV: its encryption under the key, whatever was encrypted
    /// before (NIST SP 800-38A, appendix C, the first method).
    ///
    /// `blocks` ends in a block that is room to work, and is left undefined.
    pub(crate) fn encrypt(
        &mut self,
        blocks: &mut [u8],
        block_size: NonZeroUsize,
    ) -> Result<(), LibraryError> {
        let length = blocks.len().saturating_sub(block_size.get());
        if length <= block_size.get() || length % block_size != 0 {
            return Err(LibraryError::because(
                "encrypt",
                "these are not whole blocks",
            ));
        }
        // The chain would mix the last block in: taken out in advance.
        for (byte, last) in blocks.iter_mut().zip(&self.last).take(block_size.get()) {
            *byte ^= last;
        }
        let done = self.context.cipher_update_inplace(blocks, length);
        if !matches!(done, Ok(written) if written == length) {
            self.holds = None;
            return Err(LibraryError::new(
                "encrypt",
                &done.err().unwrap_or_else(ErrorStack::get),
            ));
        }
        let end = blocks.get(length.saturating_sub(block_size.get())..length);
        for (last, byte) in self.last.iter_mut().zip(end.unwrap_or_default()) {
            *last = *byte;
        }
        Ok(())
    }

    /// Decrypts whole blocks, of which the first is the IV and comes out as
    /// nothing of use. `output` is longer than `blocks` by a block.
    pub(crate) fn decrypt(&mut self, blocks: &[u8], output: &mut [u8]) -> Result<(), LibraryError> {
        let done = self.context.cipher_update(blocks, Some(output));
        if !matches!(done, Ok(written) if written == blocks.len()) {
            self.holds = None;
            return Err(LibraryError::new(
                "decrypt",
                &done.err().unwrap_or_else(ErrorStack::get),
            ));
        }
        Ok(())
    }
}

fn new_context() -> Result<CipherCtx, LibraryError> {
    CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))
}
