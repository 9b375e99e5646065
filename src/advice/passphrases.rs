//! Errors of passphrases, and of files of them.

use std::fmt::Display;

use session_crypto_core::{EmptyPassphrase, LineError};

use crate::message::{Code, Message};

/// A word is an empty passphrase.
pub(crate) fn empty_passphrase(EmptyPassphrase: EmptyPassphrase) -> Message {
    Code("SC0311").says(
        "empty passphrase, which would protect nothing: write one, or take the empty quotes out",
    )
}

/// `exec:` stands in a `.htaccess` file.
pub(crate) fn no_exec_in_htaccess() -> Message {
    Code("SC0312").says(
        "exec: is not allowed in .htaccess, which would let whoever writes it run programs as \
         the server: write the passphrase itself, or set it in the server configuration",
    )
}

/// Passphrases stand beside a certificate, or inside its section, and its private key needs
/// none.
pub(crate) fn idle_passphrases(certificate: &dyn Display, cure: &str) -> Message {
    Code("SC0313").says(format!(
        "a passphrase would do nothing here: sessions are sealed for the certificate \
         {certificate}, whose private key needs none: {cure}"
    ))
}

/// A program prints an empty passphrase; the words go on after its name.
pub(crate) fn empty_first_line(EmptyPassphrase: EmptyPassphrase) -> Message {
    Code("SC0721").says("printed an empty passphrase: the first line must be the passphrase")
}

/// A file of passphrases has none.
pub(crate) fn no_passphrase_in(file: &dyn Display) -> Message {
    Code("SC0722").says(format!(
        "{file} has no passphrase in it, and sessions would go out in clear: write one on a line \
         of its own, without a # before it"
    ))
}

/// A line of a file of passphrases has a mistake.
pub(crate) fn passphrase_line(error: LineError) -> Message {
    match error {
        LineError::JwkSet => {
            Code("SC0723").says("the file is a JWK Set: write SessionCryptoKeyFile before its name")
        }
        LineError::Utf16 => {
            Code("SC0724").says("the file is in UTF-16: save it as UTF-8, or as plain ASCII")
        }
        LineError::Nul => Code("SC0725")
            .says("there is a NUL byte, as in UTF-16: save the file as UTF-8, or as plain ASCII"),
        LineError::OpenQuote => Code("SC0726").says(
            "a quote is not closed: end the passphrase with the quote that it begins with, or put \
             it in the other kind of quotes",
        ),
        LineError::TooLong(most) => Code("SC0727").says(format!(
            "the line is longer than {most} bytes: write fewer passphrases on a line"
        )),
    }
}
