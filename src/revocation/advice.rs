//! Errors in the words of SessionCryptoRevocation, and in the files that they name, in the
//! administrator's words: what is wrong, and what to write instead.

use std::fmt::Display;

use session_crypto_agent::AddressError;
use session_crypto_core::{LineError, PassphraseFileError, RevocationFileError};

use crate::advice::passphrase_line;

/// The first word of SessionCryptoRevocation is wrong. It may hold a password, so no
/// message shows it.
pub(super) const NO_STORE: &str = "the first word must be on, off, or the URL of a Redis or \
     Valkey: write redis://HOST, or rediss://HOST for TLS";

/// The URL of a store is wrong.
pub(super) fn store_address(error: AddressError) -> String {
    match error {
        AddressError::Scheme => NO_STORE.to_owned(),
        AddressError::Host => {
            format!("the URL has no host, or one that is no name and no address: {STORE}")
        }
        AddressError::Port => {
            format!("the port in the URL is not a number from 1 to 65535: {STORE}")
        }
        AddressError::Database => {
            format!("after its host, the URL has something other than a number: {STORE}")
        }
        AddressError::Encoding => format!(
            "the user or the password in the URL is not percent-encoded UTF-8: write %25 for a \
             percent sign, or the password into a file, with password-file=PATH; {STORE}"
        ),
    }
}

const STORE: &str = "write redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";

/// An option of SessionCryptoRevocation is unknown; its value may be a secret.
pub(super) fn unknown_option(name: &[u8]) -> String {
    format!(
        "unknown option '{}': write size=NUMBER, file=PATH, password-file=PATH, ca-file=PATH or \
         required",
        String::from_utf8_lossy(name)
    )
}

/// An option needs a store.
pub(super) fn option_needs_store(name: &str) -> String {
    format!(
        "'{name}' needs a store: write the URL of a Redis or Valkey in place of 'on', or leave \
         the option out"
    )
}

pub(super) const TWO_PASSWORDS: &str =
    "the password is in the URL and in password-file=: write one of them";

pub(super) const NO_STORE_PASSWORD: &str = "the URL has a user without a password: write \
     password-file=PATH beside it, or leave the user out";

pub(super) const AUTHORITIES_WITHOUT_TLS: &str =
    "ca-file= is for TLS: write rediss:// in place of redis://, or leave the option out";

/// The file with certificates of authorities cannot be used.
pub(super) fn authorities(file: &dyn Display, error: &dyn Display) -> String {
    format!(
        "ca-file={file}: {error}: write the name of a file with the certificate of the authority \
         that has signed the store's"
    )
}

/// The file with the password of a store cannot be read.
pub(super) fn password_file(file: &dyn Display, error: &PassphraseFileError) -> String {
    format!("password-file={file} {error}: write the name of a file with the password in it")
}

/// A line of the file with the password of a store has a mistake.
pub(super) fn password_line(file: &dyn Display, number: u32, error: LineError) -> String {
    format!(
        "password-file={file} line {number}: {}",
        passphrase_line(error)
    )
}

/// The file with the password of a store has none, or several.
pub(super) fn not_one_password(file: &dyn Display) -> String {
    format!(
        "password-file={file} does not have one password: write it on a line of its own, in \
         quotes if it has spaces, and nothing else but lines that begin with #"
    )
}

/// The file that is to keep ended sessions has no folder.
pub(super) fn no_folder(file: &dyn Display, folder: &dyn Display) -> String {
    format!("file={file}: {folder} is not a directory: make it, or write another path")
}

/// The file that keeps ended sessions cannot be used.
pub(super) fn kept_file(file: &dyn Display, error: &RevocationFileError) -> String {
    if matches!(error, RevocationFileError::Foreign) {
        return format!("file={file} {error}: write a path at which there is no file yet");
    }
    format!(
        "file={file} {error}: restore it, or remove it, after which copies of the sessions in it \
         work again"
    )
}
