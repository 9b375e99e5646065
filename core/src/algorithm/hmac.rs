//! PBKDF2 with a digest of an engine or of another library context, and HMAC for names.
//!
//! OpenSSL's own PBKDF2 looks for the digest's name in the default context, which does
//! not have such a digest.

use openssl::error::ErrorStack;
use openssl::md::MdRef;
use openssl::md_ctx::MdCtx;
use openssl::sha::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::libcrypto::evp;

/// Fills `key` with PBKDF2-HMAC (RFC 8018, section 5.2).
pub(crate) fn pbkdf2(
    passphrase: &[u8],
    salt: &[u8],
    rounds: u32,
    digest: &MdRef,
    key: &mut [u8],
) -> Result<(), ErrorStack> {
    let mut hmac = Hmac::new(passphrase, digest)?;
    let size = digest.size();
    if size == 0 {
        return Err(ErrorStack::get());
    }
    let mut last = Zeroizing::new(vec![0; size]);
    for (index, block) in (1_u32..).zip(key.chunks_mut(size)) {
        hmac.compute(&[salt, &index.to_be_bytes()], &mut last)?;
        let mut sum = last.clone();
        for _ in 1..rounds {
            let previous = last.clone();
            hmac.compute(&[&previous], &mut last)?;
            for (byte, next) in sum.iter_mut().zip(last.iter()) {
                *byte ^= next;
            }
        }
        for (byte, sum) in block.iter_mut().zip(sum.iter()) {
            *byte = *sum;
        }
    }
    Ok(())
}

/// HMAC-SHA256 of the concatenated `parts`, for names of keys.
///
/// A restart names each key of its configuration. A context of OpenSSL for each HMAC would
/// take ten times as long.
pub(crate) fn sha256<const N: usize>(key: &[u8; N], parts: &[&[u8]]) -> [u8; 32] {
    const BLOCK: usize = 64;
    const {
        assert!(N <= BLOCK, "a longer key would have to be hashed first");
    }
    let started = |pad: u8| {
        let mut block = [pad; BLOCK];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        let mut hash = Sha256::new();
        hash.update(&block);
        block.zeroize();
        hash
    };
    let (mut inner, mut outer) = (started(INNER), started(OUTER));
    for part in parts {
        inner.update(part);
    }
    outer.update(&inner.finish());
    outer.finish()
}

/// The bytes that pad the key for the inner hash and for the outer one (RFC 2104, section
/// 2).
const INNER: u8 = 0x36;
const OUTER: u8 = 0x5c;

/// An HMAC (RFC 2104) under one key, for many messages.
struct Hmac {
    /// The state after the key, padded for the inner hash.
    inner: MdCtx,
    /// The state after the key, padded for the outer hash.
    outer: MdCtx,
    /// The state of the current message.
    work: MdCtx,
}

impl Hmac {
    fn new(key: &[u8], digest: &MdRef) -> Result<Self, ErrorStack> {
        let length = digest.block_size().max(digest.size());
        let mut block = Zeroizing::new(vec![0; length]);
        if key.len() > digest.block_size() {
            let mut context = MdCtx::new()?;
            context.digest_init(digest)?;
            context.digest_update(key)?;
            context.digest_final(&mut block)?;
        } else {
            block
                .iter_mut()
                .zip(key)
                .for_each(|(byte, key)| *byte = *key);
        }
        block.truncate(digest.block_size());
        let started = |pad: u8| {
            let padded: Zeroizing<Vec<u8>> =
                Zeroizing::new(block.iter().map(|byte| byte ^ pad).collect());
            let mut context = MdCtx::new()?;
            context.digest_init(digest)?;
            context.digest_update(&padded)?;
            Ok::<_, ErrorStack>(context)
        };
        Ok(Self {
            inner: started(INNER)?,
            outer: started(OUTER)?,
            work: MdCtx::new()?,
        })
    }

    /// Writes the HMAC of the concatenated `parts` to `output`, which is as long as the
    /// digest.
    fn compute(&mut self, parts: &[&[u8]], output: &mut [u8]) -> Result<(), ErrorStack> {
        evp::copy_digest(&mut self.work, &self.inner)?;
        for part in parts {
            self.work.digest_update(part)?;
        }
        self.work.digest_final(output)?;
        evp::copy_digest(&mut self.work, &self.outer)?;
        self.work.digest_update(output)?;
        self.work.digest_final(output)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use openssl::md::Md;

    use super::*;

    #[test]
    fn derives_the_keys_that_openssl_derives() {
        for digest in [Md::sha1(), Md::sha256(), Md::sha512()] {
            for passphrase in [&b"secret"[..], &[7; 200]] {
                let (mut ours, mut theirs) = ([0; 150], [0; 150]);
                pbkdf2(passphrase, b"salt", 17, digest, &mut ours).unwrap();
                evp::pbkdf2(passphrase, b"salt", 17, digest, &mut theirs).unwrap();
                assert_eq!(ours, theirs);
            }
        }
    }

    /// RFC 4231, section 4.3.
    #[test]
    fn computes_the_example_of_rfc_4231() {
        let mac = sha256(b"Jefe", &[b"what do ya want ", b"for nothing?"]);
        assert_eq!(mac.first_chunk(), Some(&[0x5b, 0xdc, 0xc1, 0x46]));
        assert_eq!(mac.last_chunk(), Some(&[0x64, 0xec, 0x38, 0x43]));
    }

    #[test]
    fn names_are_the_hmac_that_openssl_computes() {
        for length in [0, 1, 63, 64, 65, 1000] {
            let text: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
            let mut theirs = [0; 32];
            let mut hmac = Hmac::new(&[7; 16], Md::sha256()).unwrap();
            hmac.compute(&[b"label", &text], &mut theirs).unwrap();
            assert_eq!(sha256(&[7; 16], &[b"label", &text]), theirs, "{length}");
        }
    }
}
