//! The processors of this machine, and the one that runs this thread.

/// The processor's number, which may change at any time.
pub(crate) fn number() -> usize {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: the call takes no arguments (sched_getcpu(3)).
        usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or_default()
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}

/// The processors of this machine, also those that are off: each has a smaller
/// [`number`] than this.
pub(super) fn count() -> usize {
    // SAFETY: the call takes a name, and touches no memory (sysconf(3)).
    let count = unsafe { libc::sysconf(libc::_SC_NPROCESSORS_CONF) };
    usize::try_from(count).unwrap_or(1)
}
