//! The checks before httpd serves anybody: settings that do not go together are
//! errors, and keys are made in advance where that can be. Warnings are in
//! `check/warnings.rs`.

use std::fmt::Display;

use session_crypto_core::Keyring;

use crate::SessionCrypto;
use crate::config::{CERTIFICATE_FILE, DirRecord, During, Flaw, Held, Mends};
use crate::ffi::{self, Server};
pub(crate) use warnings::Warnings;

mod warnings;

/// Looks at a server and each of its sections.
///
/// # Errors
///
/// Settings do not go together, in a section that a request may be in alone.
pub(crate) fn server<'s>(
    keyring: &'s Keyring,
    server: &Server<'s, SessionCrypto>,
    warnings: &mut Warnings,
) -> Result<(), String> {
    // Its sections are also those of the virtual hosts (merge_core_server_configs
    // in server/core.c), whose other settings they may need.
    if server.stands_behind {
        for record in server.records().filter(|_| ffi::is_config_test()) {
            let held = Held::new();
            if let Ok(Some(settings)) = record.settings(keyring, &held, During::Startup) {
                warnings.about(&record, settings, crate::now());
            }
        }
    } else {
        look(keyring, server, None, warnings)?;
        for index in 0..server.sections.len() {
            look(keyring, server, Some(index), warnings)?;
        }
        // A configuration that is served warns later, when its log is open.
        if ffi::is_config_test() {
            warnings.about_server(keyring, server);
        }
    }
    if server.is_last {
        warnings.idle_passphrases()?;
        if ffi::is_config_test() {
            warnings.about_database();
        }
    }
    Ok(())
}

/// Looks at what is in force outside of every section, or in one of them.
fn look<'s>(
    keyring: &'s Keyring,
    server: &Server<'s, SessionCrypto>,
    index: Option<usize>,
    warnings: &mut Warnings,
) -> Result<(), String> {
    let chain = index.map(|index| server.chain(index)).unwrap_or_default();
    let record = server.record_of(&chain);
    let held = Held::new();
    match record.settings(keyring, &held, During::Startup) {
        Ok(settings) => {
            if let Some(settings) = settings {
                let own = match index {
                    Some(index) => server.sections.get(index).and_then(|held| held.record),
                    None => Some(server.outer),
                };
                warnings.note(keyring, record, settings, own);
            }
            if let Some(settings) = settings.filter(|_| ffi::is_config_test()) {
                warnings.about(&record, settings, crate::now());
            }
            Ok(())
        }
        Err(flaw) if may_be_mended(server, &chain, &flaw) => {
            if flaw.mended_by.meets(Mends::PASSPHRASES) {
                let innermost = chain.last().copied().unwrap_or_default();
                others(server, &chain, innermost).for_each(|other| warnings.may_be_used(&other));
            }
            Ok(())
        }
        Err(flaw) => Err(words(server, &flaw)),
    }
}

/// Whether a request may be in another section as well, which has what these
/// lack; only the request can tell.
fn may_be_mended(server: &Server<'_, SessionCrypto>, chain: &[usize], flaw: &Flaw) -> bool {
    let Some(innermost) = chain.last() else {
        return false;
    };
    let has = server.own(chain).map(|record| record.sets());
    let has = has.fold(Mends::NOTHING, Mends::and);
    let lacks = flaw.mended_by.without(has);
    others(server, chain, *innermost).any(|other| other.sets().meets(lacks))
}

/// The settings of other sections that a request may be in as well, each by itself.
fn others<'a, 's>(
    server: &'a Server<'s, SessionCrypto>,
    chain: &'a [usize],
    innermost: usize,
) -> impl Iterator<Item = DirRecord<'s>> + use<'a, 's> {
    server
        .sections
        .iter()
        .enumerate()
        .filter(move |(other, _)| !chain.contains(other) && server.can_meet(innermost, *other))
        .filter_map(|(_, section)| section.record)
}

/// Derives and signs what the sections of a server seal with first, before the
/// children fork.
///
/// # Errors
///
/// OpenSSL fails, or a token does.
pub(crate) fn prepare<'s>(
    keyring: &'s Keyring,
    server: &Server<'s, SessionCrypto>,
    warnings: &mut Warnings,
    now: u64,
) -> Result<(), String> {
    if !server.stands_behind {
        warnings.about_server(keyring, server);
    }
    for record in server.records() {
        let held = Held::new();
        // What does not go together is refused when a request needs it.
        let Ok(Some(settings)) = record.settings(keyring, &held, During::Startup) else {
            continue;
        };
        warnings.about(&record, settings, now);
        let derived = keyring.derive_for(settings, now);
        derived.map_err(|error| match record.first_certificate() {
            Some((place, name)) => format!(
                "{place}: {CERTIFICATE_FILE}: {name}: {}: its private key must be there, and have \
                 the right to sign and to decrypt (RSA) or derive (EC)",
                cannot_seal(&error)
            ),
            None => cannot_seal(&error),
        })?;
    }
    if server.is_last {
        warnings.about_database();
    }
    Ok(())
}

/// Says that a key could not be made in advance.
pub(crate) fn cannot_seal(error: &dyn Display) -> String {
    format!("sessions cannot be sealed: {error}")
}

/// The line at fault, or else the server.
fn words(server: &Server<'_, SessionCrypto>, flaw: &Flaw) -> String {
    if flaw.place.is_some() {
        flaw.to_string()
    } else {
        format!("{}: {flaw}", server.place())
    }
}
