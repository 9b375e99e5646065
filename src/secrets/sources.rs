//! The certificates and private keys that a word of the configuration names: in a
//! file, or behind a URI.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Origin, Source};

use crate::advice;
use crate::ffi::{Parms, path, server_root_relative};
use crate::message::Message;

/// Finds the source that a word names.
///
/// # Errors
///
/// The file cannot be read, or the word is a URI in a `.htaccess` file.
pub(crate) fn from_word(
    parms: &Parms<'_>,
    keyring: &Keyring,
    word: &CStr,
) -> Result<Source, Message> {
    if let Some(uri) = word.to_str().ok().filter(|text| is_uri(text)) {
        return from_uri(parms, keyring, uri);
    }
    let file = server_root_relative(parms.temporary(), word)
        .ok_or_else(|| advice::no_file_name(&word.to_string_lossy()))?;
    let file = path(file);
    keyring
        .file(file, parms.origin())
        .map_err(|error| advice::source(&error, parms.origin()).after(file.display()))
}

fn from_uri(parms: &Parms<'_>, keyring: &Keyring, uri: &str) -> Result<Source, Message> {
    if uri
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file"))
    {
        return Err(advice::no_file_scheme());
    }
    if parms.origin() == Origin::Htaccess {
        return Err(advice::no_uri_in_htaccess());
    }
    Ok(keyring.uri(uri))
}

/// Whether a word begins with a scheme (RFC 3986, section 3.1), of more than
/// one letter.
fn is_uri(word: &str) -> bool {
    word.split_once(':').is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}
