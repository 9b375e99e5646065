//! Cipher contexts that are kept, and what else a seal or an open works with.
//!
//! Making a context and setting its key costs more than encrypting a session.
//! A workbench keeps one context for each direction under the key it was last
//! used with; to use it again under that key takes a new IV and no more.
//!
//! There are a few, one for each processor rather than for each thread: what a
//! processor used last is still in its cache. A bench is taken out while it is
//! used, so nobody waits for another's encryption.

use std::sync::{Mutex, PoisonError};

use openssl::cipher::CipherRef;
use openssl::cipher_ctx::{CipherCtx, CipherCtxRef};

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

/// A cipher context for one direction, and the key that it holds.
pub(crate) struct KeyedContext {
    context: CipherCtx,
    direction: Direction,
    holds: Option<Held>,
}

/// What a context is set up for: a key, as a cipher uses it.
#[derive(Clone, PartialEq, Eq)]
struct Held {
    key: KeyName,
    cipher: usize,
    block_size: usize,
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
        })
    }

    /// Sets the IV if the context holds this key; says whether it does.
    ///
    /// Of `iv`, as much is used as the cipher has block.
    pub(crate) fn restart(
        &mut self,
        name: &KeyName,
        cipher: &Cipher,
        iv: &[u8],
    ) -> Result<bool, LibraryError> {
        let holds = self
            .holds
            .as_ref()
            .is_some_and(|held| held.cipher == cipher.id() && held.key == *name);
        if holds {
            self.initialise(None, None, iv.get(..cipher.block_size().get()))?;
        }
        Ok(holds)
    }

    /// Sets the key and the IV.
    pub(crate) fn start(
        &mut self,
        name: &KeyName,
        cipher: &Cipher,
        key: &[u8],
        iv: &[u8],
    ) -> Result<(), LibraryError> {
        let block_size = cipher.block_size().get();
        self.initialise(Some(cipher.evp()), Some(key), iv.get(..block_size))?;
        self.holds = Some(Held {
            key: *name,
            cipher: cipher.id(),
            block_size,
        });
        Ok(())
    }

    fn initialise(
        &mut self,
        cipher: Option<&CipherRef>,
        key: Option<&[u8]>,
        iv: Option<&[u8]>,
    ) -> Result<(), LibraryError> {
        let done = match self.direction {
            Direction::Encrypt => self.context.encrypt_init(cipher, key, iv),
            Direction::Decrypt => self.context.decrypt_init(cipher, key, iv),
        };
        done.map_err(|stack| {
            // Which key it holds now, nobody knows.
            self.holds = None;
            LibraryError::new("start a cipher", &stack)
        })
    }

    /// The context, once it is set up, and the block size of its cipher.
    pub(crate) fn ready(&mut self) -> (&mut CipherCtxRef, usize) {
        let block_size = self.holds.as_ref().map_or(0, |held| held.block_size);
        (&mut self.context, block_size)
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
