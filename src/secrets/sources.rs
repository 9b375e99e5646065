//! The certificates and private keys that a word of the configuration names: in a
//! file, or behind a URI.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Origin, Source};

use crate::advice;
use crate::ffi::{Parms, path, server_root_relative};

/// Finds the source that a word names.
///
/// # Errors
///
/// The file cannot be read, or the word is a URI in a `.htaccess` file.
pub(crate) fn from_word(
    parms: &Parms<'_>,
    keyring: &Keyring,
    word: &CStr,
) -> Result<Source, String> {
    if let Some(uri) = word.to_str().ok().filter(|text| is_uri(text)) {
        return from_uri(parms, keyring, uri);
    }
    let file = server_root_relative(parms.temporary(), word)
        .ok_or_else(|| advice::no_file_name(&word.to_string_lossy()))?;
    let file = path(file);
    keyring.file(file, parms.origin()).map_err(|error| {
        format!(
            "{} {}",
            file.display(),
            advice::source(&error, parms.origin())
        )
    })
}

fn from_uri(parms: &Parms<'_>, keyring: &Keyring, uri: &str) -> Result<Source, String> {
    if uri
        .split_once(':')
        .is_some_and(|(scheme, _)| scheme.eq_ignore_ascii_case("file"))
    {
        return Err("the name of a file is its path: write it without file: before it".to_owned());
    }
    if parms.origin() == Origin::Htaccess {
        return Err(
            "only files are allowed in .htaccess, where a URI could name the key of another: \
             write a file, or set it in the server configuration"
                .to_owned(),
        );
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
