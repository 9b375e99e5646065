//! The passphrases that a word of the configuration gives: the word itself, the
//! first line that a program prints, or the words of a file.

use std::ffi::CStr;
use std::iter;
use std::sync::Arc;

use session_crypto_core::{Keyring, Origin, Passphrase, PassphraseFile, Weakness};

use super::programs::{EXEC, Programs};
use super::warnings;
use crate::advice;
use crate::ffi::{Parms, path, server_root_relative, with_words};
use crate::message::Message;

/// Passphrases, and the warnings about them.
#[derive(Default)]
pub(crate) struct PassphrasesRead {
    pub(crate) passphrases: Vec<Arc<Passphrase>>,
    pub(crate) warnings: Vec<Arc<PassphraseWarning>>,
}

/// A warning about a passphrase, which does not show it.
pub(crate) struct PassphraseWarning {
    /// The line, and what is wrong there.
    pub(crate) message: Message,
    /// It matters only for passphrases that seal sessions: a PIN, or a passphrase
    /// that opens a private key, may be short.
    pub(crate) is_about_sessions: bool,
}

/// A passphrase, and its weakness if it has one.
type Judged = (Arc<Passphrase>, Option<Weakness>);

/// Makes passphrases of the words of a line.
pub(crate) fn from_words(
    parms: &Parms<'_>,
    keyring: &Keyring,
    programs: &Programs,
    words: &[&CStr],
) -> Result<PassphrasesRead, Message> {
    let mut read = PassphrasesRead::default();
    let place = parms.line().place();
    for (word, place) in words.iter().zip(places(&place)) {
        let passphrase = from_word(parms, keyring, programs, word)?;
        count_as(parms, keyring, &passphrase, &place);
        read.add(passphrase, || {
            format!("{}: SessionCryptoPassphrase", parms.line())
        });
    }
    Ok(read)
}

/// Reads every passphrase of a file, which has one at least.
///
/// Words and quotes are those of httpd's configuration; a word that begins
/// with `#` ends its line, as in httpd's module.
pub(crate) fn from_file(
    parms: &Parms<'_>,
    keyring: &Keyring,
    programs: &Programs,
    name: &CStr,
) -> Result<PassphrasesRead, Message> {
    let pool = parms.temporary();
    let file = server_root_relative(pool, name)
        .ok_or_else(|| advice::no_file_name(&name.to_string_lossy()))?;
    let shown = path(file).display();
    let location = format!("{}: SessionCryptoPassphraseFile: {shown}", parms.line());
    let file = PassphraseFile::read(path(file))
        .map_err(|error| advice::unreadable_file(&error, "the passphrases").after(&shown))?;
    let at_line = |number, error: Message| error.at(format_args!("{shown} line {number}"));
    let lines = file
        .lines()
        .map_err(|(number, error)| at_line(number, advice::passphrase_line(error)))?;
    let mut read = PassphrasesRead::default();
    if let Some(exposure) = file.exposure() {
        read.warnings.push(Arc::new(PassphraseWarning {
            message: warnings::exposed(&location, exposure),
            is_about_sessions: false,
        }));
    }
    for line in lines {
        let location = format!("{location} line {}", line.number);
        let place = format!("{shown} line {}", line.number);
        let add = |(word, place): (&&CStr, String)| {
            let passphrase = from_word(parms, keyring, programs, word)?;
            count_as(parms, keyring, &passphrase, &place);
            read.add(passphrase, || location.clone());
            Ok(())
        };
        with_words(pool, line.text(), |words| {
            words
                .iter()
                .take_while(|word| !word.to_bytes().starts_with(b"#"))
                .zip(places(&place))
                .try_for_each(add)
        })
        .map_err(|error| at_line(line.number, error))?;
    }
    if read.passphrases.is_empty() {
        return Err(advice::no_passphrase_in(&shown));
    }
    Ok(read)
}

impl PassphrasesRead {
    /// Adds a passphrase, and a warning if it is weak.
    fn add(&mut self, (passphrase, weakness): Judged, location: impl FnOnce() -> String) {
        self.passphrases.push(passphrase);
        let Some(weakness) = weakness else {
            return;
        };
        let message = warnings::weak_passphrase(&location(), weakness);
        // A line may have a thousand of them.
        if self.warnings.last().map(|last| &last.message) != Some(&message) {
            self.warnings.push(Arc::new(PassphraseWarning {
                message,
                is_about_sessions: true,
            }));
        }
    }
}

/// The places of the passphrases of one line: the line, and from the second one on the
/// position there.
fn places(line: &str) -> impl Iterator<Item = String> {
    let others = (2_usize..).map(move |position| format!("{line} ({position})"));
    iter::once(line.to_owned()).chain(others)
}

/// Names a passphrase of the server's configuration, to be counted. Those of `.htaccess`
/// files are counted together.
fn count_as(parms: &Parms<'_>, keyring: &Keyring, (passphrase, _): &Judged, place: &str) {
    if parms.origin() == Origin::Server {
        keyring.name_passphrase(passphrase, place);
    }
}

/// Makes a passphrase of a word; runs a program if the word names one.
fn from_word(
    parms: &Parms<'_>,
    keyring: &Keyring,
    programs: &Programs,
    word: &CStr,
) -> Result<Judged, Message> {
    let command = word.to_bytes_with_nul().strip_prefix(EXEC);
    match (command, parms.origin()) {
        (None, origin) => {
            let passphrase = keyring
                .passphrase(word.to_bytes(), origin)
                .map_err(advice::empty_passphrase)?;
            // A .htaccess file is read in each request, which would repeat the
            // warning.
            let weakness = match origin {
                Origin::Server => Weakness::of(word.to_bytes()),
                Origin::Htaccess => None,
            };
            Ok((passphrase, weakness))
        }
        (Some(_), Origin::Htaccess) => Err(advice::no_exec_in_htaccess()),
        (Some(command), Origin::Server) => {
            let command = CStr::from_bytes_with_nul(command).unwrap_or_default();
            from_program(parms, keyring, programs, command)
        }
    }
}

/// Takes the first line that a program prints.
fn from_program(
    parms: &Parms<'_>,
    keyring: &Keyring,
    programs: &Programs,
    command: &CStr,
) -> Result<Judged, Message> {
    programs.with_program(parms, command, |program| {
        let line = program
            .first_line()
            .map_err(|error| advice::program(&error, "passphrase"))?;
        let passphrase = keyring
            .passphrase(&line, Origin::Server)
            .map_err(advice::empty_first_line)?;
        Ok((passphrase, Weakness::of(&line)))
    })
}
