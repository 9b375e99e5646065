//! Cipher contexts that are kept, and what else a seal or an open works with.
//!
//! Making a context and setting its key costs more than encrypting a session.
//! A workbench keeps one context for each direction under the key it was last
//! used with; to use it again under that key takes one call.
//!
//! There are a few, one for each processor rather than for each thread: what a
//! processor used last is still in its cache. A contexts is taken out while it is
//! used, so nobody waits for another's encryption.
//!
//! A process has contexts of its own, or none: those of another have random bytes
//! drawn in advance, and each process that went on with them would use the same
//! nonces.

use std::sync::{Mutex, OnceLock, PoisonError};

use zeroize::Zeroize;

use crate::algorithm::derivation::CLASSIC_SALT;
use crate::classic::cbc::CbcContext;
use crate::error::{LibraryError, OpenError, SealError};
use crate::jwe::contexts::{OpeningContexts, SealingContext};
use crate::keyring::random::{Random, RandomBlock};

/// Everything that one seal or one open needs for itself.
pub(crate) struct Contexts<R> {
    pub(crate) classic_sealing: CbcContext,
    pub(crate) classic_opening: CbcContext,
    pub(crate) jwe_sealing: Option<SealingContext>,
    pub(crate) jwe_opening: OpeningContexts,
    pub(crate) random: RandomBlock<R>,
    /// The bytes of a token before base64. It holds a session in plain text until that is
    /// encrypted in place.
    pub(crate) scratch: Vec<u8>,
    /// The number of the last hour used, and its salt, which need not be computed again.
    pub(crate) salt: Option<(u64, [u8; CLASSIC_SALT])>,
}

impl<R: Random> Contexts<R> {
    fn new(random: R) -> Result<Self, LibraryError> {
        Ok(Self {
            classic_sealing: CbcContext::encrypting()?,
            classic_opening: CbcContext::decrypting()?,
            jwe_sealing: None,
            jwe_opening: OpeningContexts::default(),
            random: RandomBlock::new(random),
            scratch: Vec::new(),
            salt: None,
        })
    }
}

/// The contexts that nobody is at: a few for each processor.
pub(crate) struct ContextPool<R> {
    source: R,
    /// None in a process that has not been set up.
    processors: OnceLock<Box<[Processor<R>]>>,
}

/// The contexts of one processor, in a cache line of their own.
#[repr(align(64))]
struct Processor<R>([Slot<R>; SLOTS]);

type Slot<R> = Mutex<Option<Box<Contexts<R>>>>;

/// Lanes; a machine with more processors has some share one.
const PROCESSORS: usize = 64;

/// Benches that a processor keeps: one, and one for a thread that lost its
/// processor while it was at the other. What more are needed is made and
/// dropped; nobody takes one from another processor, out of another's cache.
const SLOTS: usize = 2;

/// Scratch memory that a contexts keeps, enough for what fits in a cookie.
const MAX_SCRATCH: usize = 8192;

impl<R: Random + Clone> ContextPool<R> {
    /// No contexts, and no way to work, until [`ContextPool::set_up`].
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            processors: OnceLock::new(),
        }
    }

    /// Gives this process contexts of its own; those it may have are dropped.
    pub(crate) fn set_up(&self) {
        let processors = self.processors.get_or_init(|| {
            (0..PROCESSORS)
                .map(|_| Processor([const { Mutex::new(None) }; SLOTS]))
                .collect()
        });
        for slot in processors.iter().flat_map(|processor| &processor.0) {
            slot.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Random bytes for work that needs no contexts.
    pub(crate) fn random(&self) -> RandomBlock<R> {
        RandomBlock::new(self.source.clone())
    }

    /// Runs `work` at a contexts of the processor that a processor's number gives.
    ///
    /// # Errors
    ///
    /// `work` failed, or this process has not been set up.
    pub(crate) fn with<T, E: Fault>(
        &self,
        processor: usize,
        work: impl FnOnce(&mut Contexts<R>) -> Result<T, E>,
    ) -> Result<T, E> {
        let processors = self.processors.get().ok_or_else(LibraryError::not_set_up)?;
        let processor = processors
            .get(processor % PROCESSORS)
            .map(|processor| &processor.0);
        let slots = processor.into_iter().flatten();
        let mut contexts = match slots.clone().find_map(take) {
            Some(contexts) => contexts,
            None => Box::new(Contexts::new(self.source.clone())?),
        };
        let outcome = work(&mut contexts);
        if let Err(error) = &outcome {
            // It may still hold a session that was not encrypted.
            contexts.scratch.zeroize();
            if error.is_of_host() {
                // OpenSSL may have left a context half set up.
                return outcome;
            }
        }
        if contexts.scratch.capacity() > MAX_SCRATCH {
            contexts.scratch = Vec::new();
        }
        put_back(slots, contexts);
        outcome
    }
}

/// An error of work at a contexts.
pub(crate) trait Fault: From<LibraryError> {
    /// Whether OpenSSL failed, and not the token or the session is at fault.
    fn is_of_host(&self) -> bool;
}

impl Fault for LibraryError {
    fn is_of_host(&self) -> bool {
        true
    }
}

impl Fault for SealError {
    fn is_of_host(&self) -> bool {
        matches!(self, Self::Library(_))
    }
}

impl Fault for OpenError {
    fn is_of_host(&self) -> bool {
        matches!(self, Self::Library(_))
    }
}

/// Takes what is in a slot, unless somebody else is just doing so.
fn take<R>(slot: &Slot<R>) -> Option<Box<Contexts<R>>> {
    slot.try_lock().ok()?.take()
}

/// Leaves a contexts in the first empty slot; without one, it is dropped.
fn put_back<'s, R: 's>(slots: impl Iterator<Item = &'s Slot<R>>, contexts: Box<Contexts<R>>) {
    for slot in slots {
        if let Ok(mut slot) = slot.try_lock() {
            if slot.is_none() {
                *slot = Some(contexts);
                return;
            }
        }
    }
}
