//! Random bytes for nonces, drawn in advance.

use crate::error::LibraryError;

/// A source of random bytes.
pub trait Random {
    /// Fills `bytes`.
    ///
    /// # Errors
    ///
    /// The source fails. The content of `bytes` must not be used then.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError>;
}

/// OpenSSL's generator, which reseeds itself after a fork (`RAND_bytes(3)`).
#[derive(Clone, Copy, Debug, Default)]
pub struct OpenSslRandom;

impl Random for OpenSslRandom {
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
        openssl::rand::rand_bytes(bytes)
            .map_err(|stack| LibraryError::new("draw random bytes", &stack))
    }
}

/// A block of random bytes, drawn at once because a draw costs OpenSSL the same for 16 bytes
/// and for a thousand. It must not be shared, least of all across a fork.
pub(crate) struct RandomBlock<R> {
    source: R,
    block: [u8; BLOCK],
    next: usize,
}

/// Bytes of a block, enough for 64 IVs. The share of a draw in the cost of an IV is too
/// small to be measured, and the block does not push a session out of the processor's cache.
const BLOCK: usize = 1024;

impl<R: Random> RandomBlock<R> {
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            block: [0; BLOCK],
            next: BLOCK,
        }
    }

    /// Hands out `N` bytes, and each byte only once.
    pub(crate) fn take<const N: usize>(&mut self) -> Result<[u8; N], LibraryError> {
        const {
            assert!(N <= BLOCK, "more than a block holds");
        }
        loop {
            let rest = self.block.get_mut(self.next..);
            if let Some(bytes) = rest.and_then(|rest| rest.first_chunk_mut::<N>()) {
                self.next = self.next.saturating_add(N);
                return Ok(std::mem::replace(bytes, [0; N]));
            }
            self.refill()?;
        }
    }

    #[cold]
    fn refill(&mut self) -> Result<(), LibraryError> {
        // The old block counts as used up even if the draw fails.
        self.next = BLOCK;
        self.source.fill(&mut self.block)?;
        self.next = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A source that counts up, so that bytes handed out twice show.
    struct Counter(u16);

    impl Random for Counter {
        fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
            for pair in bytes.chunks_exact_mut(2) {
                pair.copy_from_slice(&self.0.to_be_bytes());
                self.0 = self.0.wrapping_add(1);
            }
            Ok(())
        }
    }

    #[test]
    fn hands_out_every_byte_once() {
        let mut drawn = RandomBlock::new(Counter(0));
        let mut seen = std::collections::HashSet::new();
        for _ in 0..2000 {
            assert!(seen.insert(drawn.take::<16>().unwrap()));
        }
    }

    #[test]
    fn a_draw_that_fails_hands_out_nothing() {
        struct Once(bool);
        impl Random for Once {
            fn fill(&mut self, bytes: &mut [u8]) -> Result<(), LibraryError> {
                if std::mem::replace(&mut self.0, true) {
                    return Err(LibraryError::elsewhere());
                }
                bytes.fill(7);
                Ok(())
            }
        }
        let mut drawn = RandomBlock::new(Once(false));
        for _ in 0..BLOCK / 16 {
            assert_eq!(drawn.take::<16>().unwrap(), [7; 16]);
        }
        assert!(drawn.take::<16>().is_err());
        assert!(drawn.take::<16>().is_err());
    }
}
