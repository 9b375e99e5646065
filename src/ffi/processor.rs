//! The processor that runs this thread.

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
