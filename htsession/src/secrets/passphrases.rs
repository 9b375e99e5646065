//! A file of passphrases, as `SessionCryptoPassphraseFile` takes it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use session_crypto_core::program::{Program, ProgramError};
use session_crypto_core::{
    Keyring, LineError, Origin, PassphraseFile, PassphraseFileError, PassphraseList,
    program_arguments,
};
use zeroize::Zeroizing;

use crate::failure::{Failure, Kind, Outcome, without_number};
use crate::files::read::content;

/// The passphrases of a file.
#[derive(Default)]
pub(crate) struct Passphrases {
    pub(crate) list: PassphraseList,
    /// The line of each.
    pub(crate) lines: Vec<u32>,
}

/// More than the bytes of the largest file, which core knows.
const MOST: usize = 2 * 1024 * 1024;

/// The prefix of a word that names a program.
const EXEC: &[u8] = b"exec:";

/// Reads a file, or for `-` standard input. Its programs get the variables of these names.
///
/// # Errors
///
/// The file cannot be read, a line is a mistake, or there is no passphrase.
pub(crate) fn read(keyring: &Keyring, path: &Path, variables: &[OsString]) -> Outcome<Passphrases> {
    let shown = path.display();
    let wrong = |words: String| Failure::new(Kind::Secrets, format!("{shown} {words}"));
    let content = content(path, MOST)?;
    content.warn_of_exposure(path);
    let file = PassphraseFile::new(content.bytes, content.mode)
        .map_err(|error: PassphraseFileError| wrong(error.to_string()))?;
    let lines = file.lines().map_err(|(number, error)| {
        let (error, cure) = (error, cure(error));
        wrong(format!("line {number}: {error}: {cure}"))
    })?;
    let mut found = Passphrases::default();
    for line in lines {
        for word in line.words() {
            let passphrase = passphrase(&word, variables)
                .and_then(|bytes| {
                    let passphrase = keyring.passphrase(&bytes, Origin::Server);
                    passphrase.map_err(|_| {
                        "a passphrase is empty: write one that 'htsession key --passphrase' prints"
                            .to_owned()
                    })
                })
                .map_err(|words| wrong(format!("line {}: {words}", line.number)))?;
            found.list.extend([passphrase]);
            found.lines.push(line.number);
        }
    }
    if found.list.is_empty() {
        return Err(wrong("has no passphrase in it".to_owned()));
    }
    Ok(found)
}

/// The passphrase that a word is, or that the program prints which it names.
fn passphrase(
    word: &Zeroizing<Vec<u8>>,
    variables: &[OsString],
) -> Result<Zeroizing<Vec<u8>>, String> {
    let Some(command) = word.strip_prefix(EXEC) else {
        return Ok(word.clone());
    };
    let words = program_arguments(command);
    let (name, arguments) = words
        .split_first()
        .filter(|(name, _)| !name.is_empty())
        .ok_or("exec: without a program: write its path")?;
    let path = Path::new(OsStr::from_bytes(name));
    if !path.is_absolute() {
        let path = path.display();
        return Err(format!(
            "exec:{path} is relative to httpd's ServerRoot, which only httpd knows: write an \
             absolute path, or have the program write to 'htsession ... -p -'"
        ));
    }
    let arguments: Vec<_> = arguments
        .iter()
        .map(|word| OsStr::from_bytes(word))
        .collect();
    let program = Program {
        path,
        arguments: &arguments,
        variables,
    };
    program.first_line().map_err(|error| {
        let (path, words) = (path.display(), without_number(&error));
        let cure = match error {
            ProgramError::Failed(_) | ProgramError::PrintedNothing => {
                ": it must print the passphrase and exit with status 0"
            }
            _ => "",
        };
        format!("exec:{path} {words}{cure}")
    })
}

fn cure(error: LineError) -> &'static str {
    match error {
        LineError::Utf16 | LineError::Nul => "save the file as UTF-8, or as plain ASCII",
        LineError::JwkSet => "name it after -k, and not after -p",
        LineError::OpenQuote => {
            "end the passphrase with the quote that it begins with, or put it in the other kind \
             of quotes"
        }
        LineError::TooLong(_) => "write fewer passphrases on a line",
    }
}
