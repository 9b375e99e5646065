//! AES-GCM in contexts that are kept.

use openssl::cipher_ctx::CipherCtx;

use crate::jwe::{NONCE, TAG};
use crate::{Cipher, LibraryError};

/// A GCM context for one direction, under a key that was set once.
pub(crate) struct AeadContext {
    context: CipherCtx,
}

impl AeadContext {
    /// Makes a context that encrypts.
    pub(crate) fn sealing(cipher: &Cipher, key: &[u8]) -> Result<Self, LibraryError> {
        let mut context = new_context()?;
        context
            .encrypt_init(Some(cipher.evp()), Some(key), None)
            .map_err(|stack| LibraryError::new("start a cipher", &stack))?;
        Ok(Self { context })
    }

    /// Makes a context that decrypts.
    pub(crate) fn opening(cipher: &Cipher, key: &[u8]) -> Result<Self, LibraryError> {
        let mut context = new_context()?;
        context
            .decrypt_init(Some(cipher.evp()), Some(key), None)
            .map_err(|stack| LibraryError::new("start a cipher", &stack))?;
        Ok(Self { context })
    }

    /// Encrypts `text` where it is, and returns the tag.
    pub(crate) fn seal(
        &mut self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
    ) -> Result<[u8; TAG], LibraryError> {
        let fail = |stack| LibraryError::new("encrypt", &stack);
        let length = text.len();
        self.context
            .encrypt_init(None, None, Some(nonce))
            .map_err(fail)?;
        self.context.cipher_update(associated, None).map_err(fail)?;
        self.context
            .cipher_update_inplace(text, length)
            .map_err(fail)?;
        self.context.cipher_final(&mut []).map_err(fail)?;
        let mut tag = [0; TAG];
        self.context.tag(&mut tag).map_err(fail)?;
        Ok(tag)
    }

    /// Decrypts `text` where it is, and tells whether the tag is right. If it
    /// is not, `text` is wiped.
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<bool, LibraryError> {
        let fail = |stack| LibraryError::new("decrypt", &stack);
        let length = text.len();
        self.context
            .decrypt_init(None, None, Some(nonce))
            .map_err(fail)?;
        self.context.set_tag(tag).map_err(fail)?;
        self.context.cipher_update(associated, None).map_err(fail)?;
        self.context
            .cipher_update_inplace(text, length)
            .map_err(fail)?;
        // The error is the tag's: a verdict on the token, not a failure.
        let authentic = self.context.cipher_final(&mut []).is_ok();
        if !authentic {
            text.fill(0);
        }
        Ok(authentic)
    }
}

fn new_context() -> Result<CipherCtx, LibraryError> {
    CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))
}
