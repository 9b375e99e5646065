//! CBC in cipher contexts that are kept.

use std::mem::MaybeUninit;
use std::num::NonZeroUsize;

use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use crate::algorithm::cipher::{Cipher, MAX_BLOCK};
use crate::error::LibraryError;
use crate::libcrypto::cipher_calls::{self, ROOM};
use crate::passphrase::classic_keys::ClassicKeyId;

/// A CBC context for one direction, and the key that it is set up with.
///
/// OpenSSL handles neither IV nor padding here. The IV is one more block at the front,
/// and the chain goes on from one token to the next. So a token takes one call of
/// OpenSSL; setting an IV and finishing would be two more.
pub(crate) struct CbcContext {
    context: CipherCtx,
    direction: Direction,
    set_up_with: Option<KeyAndCipher>,
    /// The last ciphertext block of the token before, which the chain goes on from. Zero
    /// follows a short block.
    last: [u8; MAX_BLOCK],
}

/// The key and the cipher of a context, by their ids.
#[derive(Clone, PartialEq, Eq)]
struct KeyAndCipher {
    key: ClassicKeyId,
    cipher: usize,
}

#[derive(Clone, Copy)]
enum Direction {
    Encrypt,
    Decrypt,
}

impl CbcContext {
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
            set_up_with: None,
            last: [0; MAX_BLOCK],
        })
    }

    /// Whether the context is set up with this key for this cipher.
    pub(crate) fn has_key(&self, id: &ClassicKeyId, cipher: &Cipher) -> bool {
        self.set_up_with
            .as_ref()
            .is_some_and(|with| with.cipher == cipher.id() && with.key == *id)
    }

    /// Sets the key with this id.
    pub(crate) fn set_key(
        &mut self,
        id: &ClassicKeyId,
        cipher: &Cipher,
        block_size: NonZeroUsize,
        key: &[u8],
    ) -> Result<(), LibraryError> {
        let is_same = |with: KeyAndCipher| with.cipher == cipher.id();
        if !self.set_up_with.take().is_some_and(is_same) {
            // A context that had an engine's cipher keeps the engine, and then has
            // the next cipher without its state: OpenSSL 3.0 reads through NULL
            // (evp_cipher_init_internal). So another cipher gets another context.
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
        self.set_up_with = Some(KeyAndCipher {
            key: *id,
            cipher: cipher.id(),
        });
        Ok(())
    }

    /// Encrypts whole blocks in place.
    ///
    /// The first block must be a nonce. It becomes the IV, which is the nonce's
    /// encryption under the key (NIST SP 800-38A, appendix C, the first method),
    /// whatever was encrypted before. The last [`ROOM`] bytes of `blocks` are working
    /// room.
    pub(crate) fn encrypt(
        &mut self,
        blocks: &mut [u8],
        block_size: NonZeroUsize,
    ) -> Result<(), LibraryError> {
        let length = blocks.len().saturating_sub(ROOM);
        if length <= block_size.get() || length % block_size != 0 {
            return Err(LibraryError::because(
                "encrypt",
                "these are not whole blocks",
            ));
        }
        // The chain is about to mix the last block in. To mix it in twice takes it out.
        // There are two blocks at least; where they are short, the rest of `last` is zero.
        if let Some(first) = blocks.first_chunk_mut() {
            *first = (u128::from_ne_bytes(*first) ^ u128::from_ne_bytes(self.last)).to_ne_bytes();
        }
        let done = cipher_calls::update_in_place(&mut self.context, blocks, length);
        if !matches!(done, Ok(written) if written == length) {
            self.set_up_with = None;
            return Err(LibraryError::new(
                "encrypt",
                &done.err().unwrap_or_else(ErrorStack::get),
            ));
        }
        let end = blocks.get(length.saturating_sub(block_size.get())..length);
        let end = end.unwrap_or_default();
        if let Some(end) = end.first_chunk() {
            self.last = *end;
        } else {
            for (last, byte) in self.last.iter_mut().zip(end) {
                *last = *byte;
            }
        }
        Ok(())
    }

    /// Decrypts whole blocks into `output`, which must be longer than `blocks` by
    /// [`ROOM`]. Returns what was written, of which
    /// the first block is the decrypted IV, and of no use.
    pub(crate) fn decrypt<'o>(
        &mut self,
        blocks: &[u8],
        output: &'o mut [MaybeUninit<u8>],
    ) -> Result<&'o mut [u8], LibraryError> {
        let failure = match cipher_calls::update(&mut self.context, blocks, output) {
            Ok(written) if written.len() == blocks.len() => return Ok(written),
            Ok(_) => ErrorStack::get(),
            Err(stack) => stack,
        };
        self.set_up_with = None;
        Err(LibraryError::new("decrypt", &failure))
    }
}

fn new_context() -> Result<CipherCtx, LibraryError> {
    CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encrypts_a_nonce_and_whole_blocks_and_nothing_else() {
        let mut context = CbcContext::encrypting().unwrap();
        let block_size = NonZeroUsize::new(16).unwrap();
        for length in [0, 1, 16, 17, 33] {
            let mut blocks = vec![0; length + ROOM];
            let error = context.encrypt(&mut blocks, block_size).unwrap_err();
            assert!(error.to_string().contains("whole blocks"), "{length}");
        }
    }
}
