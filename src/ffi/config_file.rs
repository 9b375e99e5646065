//! The words of a line, and the files and programs that they name.

use std::ffi::{CStr, OsStr, c_char};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::{self, NonNull};

use super::bindings;
use super::pool::Pool;

/// Splits a line into words as httpd does, with quotes and backslashes, hands them
/// to `with`, and wipes them.
pub(crate) fn with_words<R>(pool: Pool<'_>, line: &CStr, with: impl FnOnce(&[&CStr]) -> R) -> R {
    let mut words = Vec::new();
    let mut rest = line.as_ptr();
    // SAFETY: `rest` points into `line`, at its NUL at the last.
    while unsafe { *rest } != 0 {
        // SAFETY: the pool is live; the call moves `rest` on within `line`
        // (httpd.h, ap_getword_conf).
        let word = unsafe { bindings::ap_getword_conf(pool.as_ptr(), &raw mut rest) };
        words.extend(NonNull::new(word));
    }
    let outcome = {
        let words: Vec<_> = words
            .iter()
            // SAFETY: ap_getword_conf gives each word a C string in the pool.
            .map(|word| unsafe { CStr::from_ptr(word.as_ptr()) })
            .collect();
        with(&words)
    };
    for word in words {
        // SAFETY: a C string in the pool, to which `with` kept no reference.
        unsafe { wipe(word.as_ptr()) };
    }
    outcome
}

/// Overwrites a C string, up to its NUL.
///
/// # Safety
///
/// `text` is a C string without other references, which may be written unless it
/// is empty: httpd's empty word is a constant.
unsafe fn wipe(text: *mut c_char) {
    // SAFETY: the caller promises a C string.
    let length = unsafe { CStr::from_ptr(text) }.to_bytes().len();
    // SAFETY: the bytes before its NUL, which may be written.
    let bytes = unsafe { std::slice::from_raw_parts_mut(text.cast::<u8>(), length) };
    zeroize::Zeroize::zeroize(bytes);
}

/// Makes a path absolute, under `ServerRoot` if it is not.
pub(crate) fn server_root_relative<'p>(pool: Pool<'p>, path: &CStr) -> Option<&'p CStr> {
    // SAFETY: the pool is live, and `path` is a C string (http_config.h).
    let absolute = unsafe { bindings::ap_server_root_relative(pool.as_ptr(), path.as_ptr()) };
    if absolute.is_null() {
        return None;
    }
    // SAFETY: a C string in the pool, or `path` itself, which is borrowed here
    // (server/config.c, ap_server_root_relative).
    let absolute = unsafe { CStr::from_ptr(absolute) };
    Some(pool.copy(absolute))
}

/// Splits a command at spaces, with quotes and backslashes
/// (`apr_tokenize_to_argv`).
pub(crate) fn arguments<'p>(pool: Pool<'p>, command: &CStr) -> Vec<&'p OsStr> {
    let mut argv = ptr::null_mut();
    // SAFETY: the pool is live, and `command` is a C string; the call writes a list
    // that ends with NULL, or fails (apr_strings.h).
    let status =
        unsafe { bindings::apr_tokenize_to_argv(command.as_ptr(), &raw mut argv, pool.as_ptr()) };
    let mut words = Vec::new();
    if status != bindings::OK || argv.is_null() {
        return words;
    }
    loop {
        // SAFETY: an entry of the list, its NULL at the last.
        let word = unsafe { *argv };
        if word.is_null() {
            return words;
        }
        // SAFETY: not NULL, so a C string in the pool.
        let word = unsafe { CStr::from_ptr(word) };
        words.push(OsStr::from_bytes(word.to_bytes()));
        // SAFETY: the entry is not the NULL, so another one follows.
        argv = unsafe { argv.add(1) };
    }
}

/// The path that a C string names.
pub(crate) fn path(name: &CStr) -> &Path {
    Path::new(OsStr::from_bytes(name.to_bytes()))
}
