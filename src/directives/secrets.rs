//! Passphrases, key files, certificates and private keys.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Origin, Source, SourceError};

use super::payer::note_payer;
use crate::advice;
use crate::config::DirConfig;
use crate::ffi::Parms;
use crate::message::Message;
use crate::secrets::{passphrases, sources};
use crate::state::State;

/// The most passphrases of a section. Each line that adds some makes a new list. The
/// limit of a `.htaccess` file is lower: it is read in each request, and is not the
/// administrator's.
const MAX_PASSPHRASES: usize = 1024;
const MAX_HTACCESS_PASSPHRASES: usize = 32;

/// The most certificates of a section, and the most private keys: each is opened
/// when the configuration is read.
const MAX_FILES: usize = 64;
const MAX_HTACCESS_FILES: usize = 8;

pub(super) fn passphrase<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let limit = max_passphrases(parms);
    if words.len() > limit {
        // Too many are refused before any of them is read.
        return Err(advice::too_many("passphrases", limit));
    }
    note_payer(parms, config);
    let more = passphrases::from_words(parms, &state.keyring, &state.programs, words)?;
    config.add_passphrases(parms, more, limit)
}

pub(super) fn passphrase_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    note_payer(parms, config);
    for file in words {
        let more = passphrases::from_file(parms, &state.keyring, &state.programs, file)?;
        config.add_passphrases(parms, more, max_passphrases(parms))?;
    }
    Ok(())
}

pub(super) fn pass_env<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    _: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if parms.in_virtual_host() || parms.in_directory() {
        return Err(advice::variables_in_section());
    }
    state.programs.pass(parms, words)
}

pub(super) fn set_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let file = state
            .key_files
            .find(parms, &state.keyring, &state.programs, word)?;
        config.set_key_file(parms.pool(), file, parms.line());
    }
    Ok(())
}

pub(super) fn certificate_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    note_payer(parms, config);
    let more = read_sources(parms, &state.keyring, words, Source::check_certificate)?;
    config.add_certificates(parms, more, max_files(parms))
}

pub(super) fn key_file<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    note_payer(parms, config);
    let more = read_sources(parms, &state.keyring, words, Source::check_key)?;
    config.add_private_keys(parms, more, max_files(parms))
}

fn read_sources(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
    check: impl Fn(&Source) -> Result<(), SourceError>,
) -> Result<Vec<Source>, Message> {
    let limit = max_files(parms);
    if words.len() > limit {
        return Err(advice::too_many("files", limit));
    }
    words
        .iter()
        .map(|word| {
            let source = sources::from_word(parms, keyring, word)?;
            check(&source)
                .map_err(|error| advice::source(&error, parms.origin()).after(source.shown()))?;
            Ok(source)
        })
        .collect()
}

fn max_passphrases(parms: &Parms<'_>) -> usize {
    match parms.origin() {
        Origin::Server => MAX_PASSPHRASES,
        Origin::Htaccess => MAX_HTACCESS_PASSPHRASES,
    }
}

fn max_files(parms: &Parms<'_>) -> usize {
    match parms.origin() {
        Origin::Server => MAX_FILES,
        Origin::Htaccess => MAX_HTACCESS_FILES,
    }
}
