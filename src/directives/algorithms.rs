//! Ciphers, digests, engines, and the purpose that a cipher carries.

use std::ffi::CStr;

use session_crypto_core::{Keyring, Purpose};

use super::payer::note_payer;
use crate::advice;
use crate::config::{Algorithm, AlgorithmNames, DirConfig};
use crate::ffi::Parms;
use crate::message::Message;
use crate::state::State;

pub(super) fn cipher<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let ciphers = names(parms, &state.keyring, words)?;
    config.set_ciphers(parms.pool(), ciphers);
    note_payer(parms, config);
    config.check_purpose(&state.keyring)
}

pub(super) fn digest<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let digest = names(parms, &state.keyring, words)?;
    config.set_digest(parms.pool(), digest);
    note_payer(parms, config);
    Ok(())
}

fn names<A: Algorithm>(
    parms: &Parms<'_>,
    keyring: &Keyring,
    words: &[&CStr],
) -> Result<AlgorithmNames<A>, Message> {
    let words = words.iter().map(|word| word.to_string_lossy().into_owned());
    AlgorithmNames::new(keyring, words.collect(), parms.line(), parms.origin())
}

pub(super) fn engine<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        set_engine(
            parms,
            &state.keyring,
            config,
            "SessionCryptoEngine",
            &word.to_string_lossy(),
        )?;
    }
    Ok(())
}

pub(super) fn set_engine<'p>(
    parms: &Parms<'p>,
    keyring: &'p Keyring,
    config: &mut DirConfig<'p>,
    directive: &'static str,
    name: &str,
) -> Result<(), Message> {
    let engine = keyring
        .engine(name, parms.origin())
        .map_err(|error| advice::engine(&error).at(format_args!("'{name}'")))?;
    config.set_engine(parms.pool(), engine, directive, parms.line());
    note_payer(parms, config);
    Ok(())
}

pub(super) fn purpose<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_str().unwrap_or_default();
        let purpose = Purpose::new(text).map_err(advice::purpose)?;
        config.set_purpose(parms.pool(), purpose, parms.line());
    }
    config.check_purpose(&state.keyring)
}
