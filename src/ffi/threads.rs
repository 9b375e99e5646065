//! Work on all processors at once, for the parent, which has one thread.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::num::NonZeroUsize;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::guard;

/// The work that the threads share.
struct Work<'w> {
    next: AtomicUsize,
    count: usize,
    each: &'w (dyn Fn(usize) + Sync),
}

/// The number of processors that this process may use.
pub(crate) fn processors() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// Calls `each` with every number below `count`, on one thread a processor, and
/// returns when all calls have ended. A panic ends only its own call.
///
/// The threads are the system's, not those of `std::thread`, which leaves a
/// thread-local with a destructor in the thread that spawns. The destructor
/// would pin the module in the parent (`__cxa_thread_atexit_impl`).
pub(crate) fn side_by_side(count: usize, each: &(dyn Fn(usize) + Sync)) {
    let work = Work {
        next: AtomicUsize::new(0),
        count,
        each,
    };
    let signals = Signals::block();
    let mut threads = Vec::new();
    for _ in 0..count.min(processors().get()) {
        threads.extend(start(&work));
    }
    drop(signals);
    if threads.is_empty() {
        work.run();
    }
    for thread in threads {
        // SAFETY: `start` has started the thread, and this joins it once
        // (pthread_join(3)).
        unsafe { libc::pthread_join(thread, ptr::null_mut()) };
    }
}

impl Work<'_> {
    #[cfg_attr(feature = "planted-panics", track_caller)]
    fn run(&self) {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.count {
                return;
            }
            guard::catch(|| (self.each)(number));
        }
    }
}

/// Starts a thread, which the caller joins before `work` is dropped.
fn start(work: &Work<'_>) -> Option<libc::pthread_t> {
    let mut thread = MaybeUninit::uninit();
    let argument = ptr::from_ref(work).cast_mut().cast::<c_void>();
    // SAFETY: the call writes the thread's id, or fails (pthread_create(3)); `run`
    // takes this argument, which outlives the thread.
    let failed = unsafe { libc::pthread_create(thread.as_mut_ptr(), ptr::null(), run, argument) };
    // SAFETY: pthread_create has not failed, and so has written the id.
    (failed == 0).then(|| unsafe { thread.assume_init() })
}

extern "C" fn run(work: *mut c_void) -> *mut c_void {
    // SAFETY: `start` passes a Work that its caller keeps until this thread has
    // ended; it is Sync, because all its parts are.
    if let Some(work) = unsafe { work.cast::<Work<'_>>().as_ref() } {
        work.run();
    }
    ptr::null_mut()
}

/// The signals of this thread, all blocked until this is dropped. Threads that
/// are started meanwhile inherit that, so httpd's handlers stay with the main
/// thread.
struct Signals(libc::sigset_t);

impl Signals {
    fn block() -> Option<Self> {
        let mut all = MaybeUninit::uninit();
        // SAFETY: the call writes a set of all signals (sigfillset(3)).
        unsafe { libc::sigfillset(all.as_mut_ptr()) };
        let mut before = MaybeUninit::uninit();
        // SAFETY: one set to read, and one to write (pthread_sigmask(3)).
        let failed =
            unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, all.as_ptr(), before.as_mut_ptr()) };
        // SAFETY: pthread_sigmask has not failed, and so has written the set.
        (failed == 0).then(|| Self(unsafe { before.assume_init() }))
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // SAFETY: the set that pthread_sigmask wrote in `block`.
        unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const self.0, ptr::null_mut()) };
    }
}
