//! The list of ended sessions, the warnings that are accepted, and the driver.

use std::ffi::CStr;

use super::algorithms::set_engine;
use crate::advice;
use crate::check::Acceptable;
use crate::config::DirConfig;
use crate::ffi::Parms;
use crate::message::Message;
use crate::revocation::{list_in_section, read_settings};
use crate::state::State;

pub(super) fn revocation<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    _: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if parms.in_virtual_host() || parms.in_directory() {
        return Err(list_in_section());
    }
    state.set_revocation_settings(read_settings(parms, words)?);
    Ok(())
}

/// Checks the codes of a line, which `check` reads where it stands.
pub(super) fn accept<'p>(
    _: &Parms<'p>,
    _: &'p State,
    _: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    let mut words = words.iter().map(|word| word.to_bytes());
    match words.find(|word| Acceptable::parse(word).is_none()) {
        Some(word) => Err(advice::unknown_code(
            word,
            &Acceptable::ALL.map(Acceptable::code),
        )),
        None => Ok(()),
    }
}

pub(super) fn driver<'p>(
    parms: &Parms<'p>,
    state: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if parms.in_virtual_host() || parms.in_directory() {
        return Err(advice::driver_in_section());
    }
    let mut words = words.iter().map(|word| word.to_string_lossy());
    let name = words.next().unwrap_or_default();
    if !name.eq_ignore_ascii_case("openssl") {
        return Err(advice::no_driver(&name));
    }
    for parameter in words {
        match parameter.split_once('=') {
            Some(("engine", name)) => {
                set_engine(parms, &state.keyring, config, "SessionCryptoDriver", name)?;
            }
            _ => return Err(advice::unknown_parameter(&parameter)),
        }
    }
    Ok(())
}
