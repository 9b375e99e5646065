//! Locks that a thread may have held when it panicked.
//!
//! The panic is contained where httpd called the thread, and other threads go on with what the
//! lock protects. So each change under a lock is whole at every moment at which it may panic.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Locks a mutex, whatever has happened to a thread that held it.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    planted();
    guard
}

/// Locks what others may read too, whatever has happened to a thread that wrote.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub fn read<T: ?Sized>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    let guard = lock.read().unwrap_or_else(PoisonError::into_inner);
    planted();
    guard
}

/// Locks what nobody else may read meanwhile, whatever has happened to a thread that wrote.
#[cfg_attr(feature = "planted-panics", track_caller)]
pub fn write<T: ?Sized>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    let guard = lock.write().unwrap_or_else(PoisonError::into_inner);
    planted();
    guard
}

/// Panics while the lock is held, where a test has planted that.
#[inline]
#[cfg_attr(feature = "planted-panics", track_caller)]
fn planted() {
    #[cfg(feature = "planted-panics")]
    crate::panics::planted::held();
}

#[cfg(test)]
mod tests {
    use std::panic::{self, AssertUnwindSafe};

    use super::*;

    #[test]
    fn a_lock_that_was_held_in_a_panic_is_taken_again() {
        let (mutex, both) = (Mutex::new(1), RwLock::new(1));
        let panics = || {
            let (mut one, mut other) = (lock(&mutex), write(&both));
            (*one, *other) = (2, 2);
            panic::resume_unwind(Box::new(()));
        };
        let outcome: Result<(), _> = panic::catch_unwind(AssertUnwindSafe(panics));
        assert!(outcome.is_err() && mutex.is_poisoned() && both.is_poisoned());
        assert_eq!(*lock(&mutex), 2);
        assert_eq!(*read(&both), 2);
        assert_eq!(*write(&both), 2);
    }
}
