//! The password of a store, in a file.

use std::path::Path;

use session_crypto_core::PassphraseFile;
use zeroize::Zeroizing;

use super::advice;
use crate::ffi::{Parms, with_words};
use crate::message::Message;
use crate::secrets::exposed;

/// A password, and a warning about its file.
pub(super) struct StorePassword {
    pub(super) password: Zeroizing<String>,
    pub(super) warning: Option<Message>,
}

/// Reads the one password of a file, in the form of a file of passphrases: quotes are
/// those of httpd's configuration, and a word that begins with `#` ends its line.
///
/// # Errors
///
/// The file cannot be read, or has no password or more than one.
pub(super) fn read(parms: &Parms<'_>, file: &Path) -> Result<StorePassword, Message> {
    let shown = file.display();
    let read = PassphraseFile::read(file).map_err(|error| advice::password_file(&shown, &error))?;
    let lines = read
        .lines()
        .map_err(|(number, error)| advice::password_line(&shown, number, error))?;
    let mut passwords = Vec::new();
    for line in lines {
        with_words(parms.temporary(), line.text(), |words| {
            let words = words.iter().map(|word| word.to_bytes());
            let words = words.take_while(|word| !word.starts_with(b"#"));
            passwords.extend(words.map(|word| Zeroizing::new(word.to_vec())));
        });
    }
    let mut passwords = passwords.into_iter();
    let password = match (passwords.next(), passwords.next()) {
        (Some(password), None) if !password.is_empty() => password,
        _ => return Err(advice::not_one_password(&shown)),
    };
    let password = std::str::from_utf8(&password).map_err(|_| advice::not_one_password(&shown))?;
    let place = format!("{}: SessionCryptoRevocation: {shown}", parms.line());
    let warning = read.exposure().map(|exposure| exposed(&place, exposure));
    Ok(StorePassword {
        password: Zeroizing::new(password.to_owned()),
        warning,
    })
}
