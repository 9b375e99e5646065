//! A clock that is never set.

/// The seconds since this machine was started, with those in which it slept.
pub(crate) fn uptime() -> u64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `time` is there for the call (clock_gettime(2)); it stays zero if the kernel has
    // no such clock.
    unsafe { libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or_default()
}
