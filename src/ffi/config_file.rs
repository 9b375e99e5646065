//! Words, files and programs that the configuration names.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use super::bindings;
use super::pool::Pool;

/// Splits a line into words as httpd does, quotes and backslashes included,
/// and wipes them when `with` has seen them.
pub(crate) fn with_words<R>(pool: Pool<'_>, line: &CStr, with: impl FnOnce(&[&CStr]) -> R) -> R {
    let mut words = Vec::new();
    let mut rest = line.as_ptr();
    // SAFETY: `rest` points into `line`, at its NUL at the latest.
    while unsafe { *rest } != 0 {
        // SAFETY: the pool is live; the call moves `rest` on within `line`.
        let word = unsafe { bindings::ap_getword_conf(pool.as_ptr(), &raw mut rest) };
        words.extend(NonNull::new(word));
    }
    let outcome = {
        // SAFETY: each is a C string of its own in the pool.
        let words: Vec<_> = words
            .iter()
            .map(|word| unsafe { CStr::from_ptr(word.as_ptr()) })
            .collect();
        with(&words)
    };
    for word in words {
        // SAFETY: as above, and `with` has let go of it.
        unsafe { wipe(word.as_ptr()) };
    }
    outcome
}

/// Overwrites a C string, up to its NUL.
///
/// # Safety
///
/// `text` is a C string that may be written, and nobody refers to it.
/// An empty one may be a constant, and is not touched.
unsafe fn wipe(text: *mut c_char) {
    // SAFETY: the caller vouches for the string.
    let length = unsafe { CStr::from_ptr(text) }.to_bytes().len();
    // SAFETY: the same bytes.
    let bytes = unsafe { std::slice::from_raw_parts_mut(text.cast::<u8>(), length) };
    zeroize::Zeroize::zeroize(bytes);
}

/// Makes a path absolute, under `ServerRoot` if it is not.
pub(crate) fn server_root_relative<'p>(pool: Pool<'p>, path: &CStr) -> Option<&'p CStr> {
    // SAFETY: the pool is live and `path` a C string.
    let absolute = unsafe { bindings::ap_server_root_relative(pool.as_ptr(), path.as_ptr()) };
    if absolute.is_null() {
        return None;
    }
    // SAFETY: a C string in the pool, or `path` itself, which the pool's
    // owner outlives (server/config.c, ap_server_root_relative).
    let absolute = unsafe { CStr::from_ptr(absolute) };
    Some(pool.copy(absolute))
}

/// Splits a command as `apr_tokenize_to_argv` does: spaces, quotes, backslash.
pub(crate) fn arguments<'p>(pool: Pool<'p>, command: &CStr) -> Vec<&'p OsStr> {
    let mut argv = ptr::null_mut();
    // SAFETY: the pool is live, `command` a C string; the call writes a list
    // that ends with NULL, or fails.
    let status =
        unsafe { bindings::apr_tokenize_to_argv(command.as_ptr(), &raw mut argv, pool.as_ptr()) };
    let mut words = Vec::new();
    if status != bindings::OK || argv.is_null() {
        return words;
    }
    loop {
        // SAFETY: an entry of the list, its NULL at the latest.
        let word = unsafe { *argv };
        if word.is_null() {
            return words;
        }
        // SAFETY: a C string in the pool.
        let word = unsafe { CStr::from_ptr(word) };
        words.push(OsStr::from_bytes(word.to_bytes()));
        // SAFETY: not past the NULL, which ends the loop.
        argv = unsafe { argv.add(1) };
    }
}

/// The path that a C string names.
pub(crate) fn path(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}
