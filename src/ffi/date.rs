//! A time as the error log writes it.

use std::ffi::CStr;
use std::time::{SystemTime, UNIX_EPOCH};

use super::bindings::{self, apr_time_t};

/// A time as the error log writes it, in the host's time zone.
pub(crate) fn date(time: SystemTime) -> String {
    let time = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    of_apr(apr_time_t::try_from(time.as_micros()).unwrap_or_default())
}

/// As [`date`], of microseconds since 1970.
pub(super) fn of_apr(time: apr_time_t) -> String {
    // APR_CTIME_LEN of apr_time.h.
    let mut text = [0_u8; 25];
    // SAFETY: the array has room for a date and its NUL (apr_time.h, apr_ctime).
    unsafe { bindings::apr_ctime(text.as_mut_ptr().cast(), time) };
    CStr::from_bytes_until_nul(&text)
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}
