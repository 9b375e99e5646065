//! Cipher contexts that are kept, with the memory that sealing and opening need.
//!
//! To make a context and set its key costs more than to encrypt a session. So each set of
//! contexts keeps the keys that it was last used with; to use it again under such a key
//! takes one call of OpenSSL.
//!
//! Each processor has a few sets, not each thread: the set that a processor used last is
//! still in its cache. A thread that finds a set in use takes another one, so no thread waits
//! for another's encryption.
//!
//! A process has sets of its own, or none. A set holds random bytes that are drawn in
//! advance; if two processes went on with one set, they would use the same nonces.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, TryLockError};

use zeroize::Zeroize;

use crate::algorithm::derivation::CLASSIC_SALT;
use crate::classic::cbc::CbcContext;
use crate::error::{LibraryError, OpenError, SealError};
use crate::jwe::contexts::{OpeningContexts, SealingContext};
use crate::keyring::random::{Random, RandomBlock};
use crate::panics::locks;

/// A set of contexts: all that one thread needs to seal or open one session.
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
    /// The age of the pool under which all keys of the set were used.
    age: u64,
}

impl<R: Random> Contexts<R> {
    fn new(random: R, age: u64) -> Result<Self, LibraryError> {
        Ok(Self {
            classic_sealing: CbcContext::encrypting()?,
            classic_opening: CbcContext::decrypting()?,
            jwe_sealing: None,
            jwe_opening: OpeningContexts::default(),
            random: RandomBlock::new(random),
            scratch: Vec::new(),
            salt: None,
            age,
        })
    }

    /// Drops the keys of JWE, unless all of them were used in this age of the pool.
    fn enter_age(&mut self, age: u64) {
        if self.age != age {
            self.age = age;
            self.jwe_sealing = None;
            self.jwe_opening = OpeningContexts::default();
        }
    }
}

/// The sets of contexts that no thread is using, a few for each processor.
pub(crate) struct ContextPool<R> {
    source: R,
    /// Empty in a process that has not been set up.
    processors: OnceLock<Box<[Processor<R>]>>,
    /// It grows when keys have ended. A set that is older keeps no key of JWE.
    age: AtomicU64,
}

/// The sets of one processor, in a cache line of their own.
#[repr(align(64))]
struct Processor<R>([Slot<R>; SLOTS]);

/// A set that is locked while it is in use.
type Slot<R> = Mutex<Option<Box<Contexts<R>>>>;

type LockedSlot<'s, R> = MutexGuard<'s, Option<Box<Contexts<R>>>>;

/// Processors that are told apart. On a machine with more, some share their sets.
const PROCESSORS: usize = 64;

/// Sets that a processor keeps: one, and one for a thread that lost the processor while it
/// was using the other. If more are needed, they are made and dropped. No thread takes a set
/// from another processor, because that would be in another processor's cache.
const SLOTS: usize = 2;

/// Bytes of scratch memory that a set keeps, enough for all that fits in a cookie.
const MAX_SCRATCH: usize = 8192;

impl<R: Random + Clone> ContextPool<R> {
    /// Makes a pool that refuses all work until [`ContextPool::set_up`].
    pub(crate) fn new(source: R) -> Self {
        Self {
            source,
            processors: OnceLock::new(),
            age: AtomicU64::new(0),
        }
    }

    /// Sets this process up to make contexts of its own, and drops those that it has.
    pub(crate) fn set_up(&self) {
        let processors = self.processors.get_or_init(|| {
            (0..PROCESSORS)
                .map(|_| Processor([const { Mutex::new(None) }; SLOTS]))
                .collect()
        });
        for slot in processors.iter().flat_map(|processor| &processor.0) {
            locks::lock(slot).take();
        }
    }

    /// Drops the keys of JWE in all sets. A set that a thread is using loses them after its
    /// work.
    pub(crate) fn forget_jwe_keys(&self) {
        self.age.fetch_add(1, Ordering::Relaxed);
        let processors = self.processors.get().into_iter().flatten();
        for slot in processors.flat_map(|processor| &processor.0) {
            if let Some(contexts) = lock(slot).as_deref_mut().and_then(Option::as_mut) {
                contexts.enter_age(self.age.load(Ordering::Relaxed));
            }
        }
    }

    /// Random bytes for work that needs no contexts.
    pub(crate) fn random(&self) -> RandomBlock<R> {
        RandomBlock::new(self.source.clone())
    }

    /// Runs `work` with a set of contexts of a processor, by the processor's number.
    ///
    /// # Errors
    ///
    /// `work` fails, or this process has not been set up.
    pub(crate) fn with<T, E: Fault>(
        &self,
        processor: usize,
        work: impl FnOnce(&mut Contexts<R>) -> Result<T, E>,
    ) -> Result<T, E> {
        let processors = self.processors.get().ok_or_else(LibraryError::not_set_up)?;
        let Some(Processor([one, other])) = processors.get(processor % PROCESSORS) else {
            return Err(LibraryError::not_set_up().into());
        };
        let (mut kept, mut own) = (lock(one).or_else(|| lock(other)), None);
        // If both slots are in use, the set is dropped after its work.
        let slot = kept.as_deref_mut().unwrap_or(&mut own);
        let contexts = match slot {
            Some(contexts) => contexts,
            None => slot.insert(self.make()?),
        };
        let outcome = work(contexts);
        // Keys may have ended meanwhile.
        contexts.enter_age(self.age.load(Ordering::Relaxed));
        if contexts.scratch.capacity() > MAX_SCRATCH || outcome.is_err() {
            clean_up(slot, outcome.as_ref().err());
        }
        outcome
    }

    #[cold]
    fn make(&self) -> Result<Box<Contexts<R>>, LibraryError> {
        let age = self.age.load(Ordering::Relaxed);
        Ok(Box::new(Contexts::new(self.source.clone(), age)?))
    }
}

/// An error of work with contexts.
pub(crate) trait Fault: From<LibraryError> {
    /// Whether OpenSSL failed, and the token or the session is not at fault.
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

/// Empties the scratch memory of a set after an error, or if it is large.
#[cold]
fn clean_up<R>(slot: &mut Option<Box<Contexts<R>>>, error: Option<&impl Fault>) {
    if let Some(contexts) = slot {
        // It may hold a session that was not encrypted.
        contexts.scratch.zeroize();
        contexts.scratch.shrink_to(MAX_SCRATCH);
    }
    if error.is_some_and(Fault::is_of_host) {
        // OpenSSL may have left a context half set up.
        *slot = None;
    }
}

/// Locks a slot, unless another thread is using it.
fn lock<R>(slot: &Slot<R>) -> Option<LockedSlot<'_, R>> {
    match slot.try_lock() {
        Ok(contexts) => Some(contexts),
        Err(TryLockError::WouldBlock) => None,
        Err(TryLockError::Poisoned(contexts)) => Some(clear(slot, contexts.into_inner())),
    }
}

/// Drops a set with which a thread panicked.
#[cold]
fn clear<'s, R>(slot: &Slot<R>, mut contexts: LockedSlot<'s, R>) -> LockedSlot<'s, R> {
    *contexts = None;
    slot.clear_poison();
    contexts
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use super::*;
    use crate::keyring::random::OpenSslRandom;

    const MARK: Option<(u64, [u8; CLASSIC_SALT])> = Some((7, [7; CLASSIC_SALT]));

    /// A pool whose first set has a mark.
    fn marked() -> ContextPool<OpenSslRandom> {
        let pool = ContextPool::new(OpenSslRandom);
        pool.set_up();
        with(&pool, |contexts| contexts.salt = MARK);
        pool
    }

    fn with<T>(
        pool: &ContextPool<OpenSslRandom>,
        work: impl FnOnce(&mut Contexts<OpenSslRandom>) -> T,
    ) -> T {
        let work = |contexts: &mut _| Ok::<_, LibraryError>(work(contexts));
        pool.with(0, work).unwrap()
    }

    fn is_marked(pool: &ContextPool<OpenSslRandom>) -> bool {
        with(pool, |contexts| contexts.salt == MARK)
    }

    #[test]
    fn a_set_is_used_again() {
        assert!(is_marked(&marked()));
    }

    #[test]
    fn a_set_in_use_is_not_shared() {
        let pool = marked();
        with(&pool, |_| {
            assert!(!is_marked(&pool));
            with(&pool, |_| assert!(!is_marked(&pool)));
        });
        assert!(is_marked(&pool));
    }

    #[test]
    fn a_set_is_dropped_after_a_panic_and_a_failure_of_the_host() {
        let pool = marked();
        let work = || with(&pool, |_| panic::resume_unwind(Box::new(())));
        let outcome: Result<(), _> = panic::catch_unwind(AssertUnwindSafe(work));
        assert!(outcome.is_err());
        assert!(!is_marked(&pool));

        let pool = marked();
        let failed: Result<(), _> = pool.with(0, |_| Err(LibraryError::elsewhere()));
        assert!(failed.is_err());
        assert!(!is_marked(&pool));
    }
}
