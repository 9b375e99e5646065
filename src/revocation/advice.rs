//! Errors in the words of SessionCryptoRevocation, and in the files that they name, in the
//! administrator's words: what is wrong, and what to write instead.

use std::fmt::Display;

use session_crypto_agent::AddressError;
use session_crypto_core::{LineError, PassphraseFileError, RevocationFileError};

use crate::advice::{passphrase_line, unreadable_file};
use crate::message::{Code, Message};

/// The first word of SessionCryptoRevocation is wrong. It may hold a password, so no
/// message shows it.
pub(super) fn no_store() -> Message {
    Code("SC0371").says(
        "the first word must be on, off, or the URL of a Redis or Valkey: write redis://HOST, or \
         rediss://HOST for TLS",
    )
}

/// The URL of a store is wrong.
pub(super) fn store_address(error: AddressError) -> Message {
    match error {
        AddressError::Scheme => no_store(),
        AddressError::Host => Code("SC0372").says(format!(
            "the URL has no host, or one that is no name and no address: {STORE}"
        )),
        AddressError::Port => Code("SC0373").says(format!(
            "the port in the URL is not a number from 1 to 65535: {STORE}"
        )),
        AddressError::Database => Code("SC0374").says(format!(
            "after its host, the URL has something other than a number: {STORE}"
        )),
        AddressError::Encoding => Code("SC0375").says(format!(
            "the user or the password in the URL is not percent-encoded UTF-8: write %25 for a \
             percent sign, or the password into a file, with password-file=PATH; {STORE}"
        )),
    }
}

const STORE: &str = "write redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]";

/// The URL of a store has half of what a login takes.
pub(super) fn no_store_password() -> Message {
    Code("SC0376").says(
        "the URL has a user without a password: write password-file=PATH beside it, or leave the \
         user out",
    )
}

/// A store has two passwords.
pub(super) fn two_passwords() -> Message {
    Code("SC0377").says("the password is in the URL and in password-file=: write one of them")
}

/// An option of SessionCryptoRevocation is unknown; its value may be a secret.
pub(super) fn unknown_option(name: &[u8]) -> Message {
    Code("SC0378").says(format!(
        "unknown option '{}': write size=NUMBER, file=PATH, password-file=PATH, ca-file=PATH or \
         required",
        String::from_utf8_lossy(name)
    ))
}

/// An option stands twice; its value may be a secret.
pub(super) fn option_twice(name: &[u8]) -> Message {
    let name = String::from_utf8_lossy(name);
    Code("SC0379").says(format!("'{name}' stands twice: write it once"))
}

/// `off` has options.
pub(super) fn off_with_options() -> Message {
    Code("SC0380").says("'off' takes no options: leave them out")
}

/// An option needs a store.
pub(super) fn option_needs_store(name: &str) -> Message {
    Code("SC0381").says(format!(
        "'{name}' needs a store: write the URL of a Redis or Valkey in place of 'on', or leave \
         the option out"
    ))
}

/// A text is no number of sessions, or none that a list may have room for.
pub(super) fn size(text: &str, most: usize) -> Message {
    Code("SC0382").says(format!(
        "size={text}: write a number of sessions from 1 to {most}"
    ))
}

/// The file that is to keep ended sessions has no folder.
pub(super) fn no_folder(file: &dyn Display, folder: &dyn Display) -> Message {
    Code("SC0781").says(format!(
        "file={file}: {folder} is not a directory: make it, or write another path"
    ))
}

/// The file that keeps ended sessions cannot be used.
pub(super) fn kept_file(file: &dyn Display, error: &RevocationFileError) -> Message {
    const RESTORE: &str =
        "restore it, or remove it, after which copies of the sessions in it work again";
    let (code, cure) = match error {
        RevocationFileError::Io(_) => (Code("SC0782"), RESTORE),
        RevocationFileError::Foreign => {
            (Code("SC0783"), "write a path at which there is no file yet")
        }
        RevocationFileError::OtherForm => (Code("SC0784"), RESTORE),
        RevocationFileError::Line(_) => (Code("SC0785"), RESTORE),
        RevocationFileError::Truncated(_) => (Code("SC0786"), RESTORE),
        RevocationFileError::Checksum => (Code("SC0787"), RESTORE),
        RevocationFileError::Trailing => (Code("SC0788"), RESTORE),
    };
    code.says(format!("file={file} {error}: {cure}"))
}

/// The file with the password of a store cannot be read.
pub(super) fn password_file(file: &dyn Display, error: &PassphraseFileError) -> Message {
    unreadable_file(error, "the password").after(format_args!("password-file={file}"))
}

/// A line of the file with the password of a store has a mistake.
pub(super) fn password_line(file: &dyn Display, number: u32, error: LineError) -> Message {
    passphrase_line(error).at(format_args!("password-file={file} line {number}"))
}

/// The file with the password of a store has none, or several.
pub(super) fn not_one_password(file: &dyn Display) -> Message {
    Code("SC0791").says(format!(
        "password-file={file} does not have one password: write it on a line of its own, in \
         quotes if it has spaces, and nothing else but lines that begin with #"
    ))
}

/// Authorities are for TLS, and the URL of the store is not.
pub(super) fn authorities_without_tls() -> Message {
    Code("SC0383")
        .says("ca-file= is for TLS: write rediss:// in place of redis://, or leave the option out")
}

/// The file with certificates of authorities cannot be used.
pub(super) fn authorities(file: &dyn Display, error: &dyn Display) -> Message {
    Code("SC0792").says(format!(
        "ca-file={file}: {error}: write the name of a file with the certificate of the authority \
         that has signed the store's"
    ))
}

/// A section has a list of its own.
pub(crate) fn list_in_section() -> Message {
    Code("SC0384").says(
        "the list of ended sessions is that of the whole server: move this line out of \
         <VirtualHost> and every other section",
    )
}
