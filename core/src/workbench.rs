//! Cipher contexts that are kept, and what else a seal or an open works with.
//!
//! Making a context and setting its key costs more than encrypting a session.
//! A workbench keeps one context for each direction under the key it was last
//! used with; to use it again under that key takes one call.
//!
//! There are a few, one for each processor rather than for each thread: what a
//! processor used last is still in its cache. A bench is taken out while it is
//! used, so nobody waits for another's encryption.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use openssl::cipher_ctx::CipherCtx;
use openssl::error::ErrorStack;

use crate::algorithms::MAX_BLOCK;
use crate::key_cache::KeyName;
use crate::random::Drawn;
use crate::{Cipher, LibraryError, Random};

/// Everything that one seal or one open needs for itself.
pub(crate) struct Workbench<R> {
    pub(crate) sealing: KeyedContext,
    pub(crate) opening: KeyedContext,
    pub(crate) random: Drawn<R>,
    /// A token's bytes before base64; never a session's.
    pub(crate) scratch: Vec<u8>,
    /// The salt of this hour, by which it is found without computing it.
    pub(crate) salt: Option<(u64, [u8; 16])>,
}

impl<R: Random> Workbench<R> {
    fn new(random: R) -> Result<Self, LibraryError> {
        Ok(Self {
            sealing: KeyedContext::new(Direction::Encrypt)?,
            opening: KeyedContext::new(Direction::Decrypt)?,
            random: Drawn::new(random),
            scratch: Vec::new(),
            salt: None,
        })
    }
}

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
    fn new(direction: Direction) -> Result<Self, LibraryError> {
        let context =
            CipherCtx::new().map_err(|stack| LibraryError::new("make a cipher context", &stack))?;
        Ok(Self {
            context,
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
        key: &[u8],
    ) -> Result<(), LibraryError> {
        self.holds = None;
        self.last = [0; MAX_BLOCK];
        let iv = self.last.get(..cipher.block_size().get());
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
        let end = length.saturating_sub(block_size.get())..length;
        for (last, byte) in self
            .last
            .iter_mut()
            .zip(blocks.get(end).unwrap_or_default())
        {
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

/// The benches that nobody is at: a few for each processor.
pub(crate) struct Workbenches<R> {
    source: R,
    lanes: Box<[Lane<R>]>,
}

/// The benches of one processor, in a cache line of their own.
#[repr(align(64))]
struct Lane<R>([Slot<R>; SLOTS]);

type Slot<R> = Mutex<Option<Box<Workbench<R>>>>;

/// Lanes; a machine with more processors has some share one.
const LANES: usize = 64;

/// Benches that a lane keeps: one, and one for a thread that lost its
/// processor while it was at the other. What more are needed is made and
/// dropped; nobody takes one from another lane, out of another's cache.
const SLOTS: usize = 2;

/// Scratch memory that a bench keeps, enough for what fits in a cookie.
const MAX_SCRATCH: usize = 8192;

impl<R: Random + Clone> Workbenches<R> {
    pub(crate) fn new(source: R) -> Self {
        let lanes = (0..LANES)
            .map(|_| Lane([const { Mutex::new(None) }; SLOTS]))
            .collect();
        Self { source, lanes }
    }

    /// Runs `work` at a bench of the lane that a processor's number gives.
    pub(crate) fn with<T, E: From<LibraryError>>(
        &self,
        processor: usize,
        work: impl FnOnce(&mut Workbench<R>) -> Result<T, E>,
    ) -> Result<T, E> {
        let lane = self.lanes.get(processor % LANES).map(|lane| &lane.0);
        let slots = lane.into_iter().flatten();
        let mut bench = match slots.clone().find_map(take) {
            Some(bench) => bench,
            None => Box::new(Workbench::new(self.source.clone())?),
        };
        let outcome = work(&mut bench);
        if bench.scratch.capacity() > MAX_SCRATCH {
            bench.scratch = Vec::new();
        }
        put_back(slots, bench);
        outcome
    }

    /// Drops every bench: what a child must not share with its siblings.
    pub(crate) fn clear(&self) {
        for slot in self.lanes.iter().flat_map(|lane| &lane.0) {
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }
}

/// Takes what is in a slot, unless somebody else is just doing so.
fn take<R>(slot: &Slot<R>) -> Option<Box<Workbench<R>>> {
    slot.try_lock().ok()?.take()
}

/// Leaves a bench in the first empty slot; without one, it is dropped.
fn put_back<'s, R: 's>(slots: impl Iterator<Item = &'s Slot<R>>, bench: Box<Workbench<R>>) {
    for slot in slots {
        if let Ok(mut place) = slot.try_lock() {
            if place.is_none() {
                *place = Some(bench);
                return;
            }
        }
    }
}
