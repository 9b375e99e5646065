//! Which processor runs this thread.

/// Its number, which may have changed by the time anybody looks at it.
pub(crate) fn number() -> usize {
    #[cfg(target_os = "linux")]
    {
        // SAFETY: a query without arguments (sched_getcpu(3)).
        usize::try_from(unsafe { libc::sched_getcpu() }).unwrap_or_default()
    }
    #[cfg(not(target_os = "linux"))]
    {
        0
    }
}
