//! Errors in the settings of a server, and keys derived in advance.

use session_crypto_core::{During, Keyring, Priority};

use super::warnings::Warnings;
use super::{device, device_cookies, other_modules};
use crate::config::{DirConfig, Flaw, KeptSecrets, SettingSet};
use crate::emergency;
use crate::ffi::{self, Server};
use crate::message::Message;
use crate::state::State;

/// Checks a server and each of its sections.
///
/// # Errors
///
/// Settings do not go together, in a section that a request may be in alone.
pub(crate) fn server<'s>(
    keyring: &'s Keyring,
    server: &Server<'s, DirConfig<'s>>,
    warnings: &mut Warnings,
    now: u64,
) -> Result<(), Message> {
    // The virtual hosts inherit these sections (merge_core_server_configs in
    // server/core.c), and may have the settings that they lack.
    if server.stands_behind {
        for config in server.configs().filter(|_| ffi::is_config_test()) {
            let kept = KeptSecrets::default();
            if let Ok(Some(settings)) = config.settings(keyring, &kept, During::Startup) {
                warnings.about(&config, settings, now);
            }
        }
    } else {
        check_section(keyring, server, None, warnings, now)?;
        for index in 0..server.sections.len() {
            check_section(keyring, server, Some(index), warnings, now)?;
        }
        let Warnings {
            devices,
            device_handlers,
            ..
        } = warnings;
        device::server(server, devices, device_handlers)?;
        // A configuration that is served warns later, when its log is open.
        if ffi::is_config_test() {
            warnings.about_server(keyring, server);
        }
    }
    if server.is_last {
        warnings.idle_passphrases()?;
        warnings.devices.check()?;
        warnings.device_handlers.check()?;
        device_cookies::check()?;
        if ffi::is_config_test() {
            warnings.about_database();
            other_modules::warn();
        }
    }
    Ok(())
}

/// Checks the settings in force outside of every section, or in one of them.
fn check_section<'s>(
    keyring: &'s Keyring,
    server: &Server<'s, DirConfig<'s>>,
    index: Option<usize>,
    warnings: &mut Warnings,
    now: u64,
) -> Result<(), Message> {
    let chain = index.map(|index| server.chain(index)).unwrap_or_default();
    let config = server.config_of(&chain);
    let kept = KeptSecrets::default();
    match config.settings(keyring, &kept, During::Startup) {
        Ok(settings) => {
            if let Some(settings) = settings {
                let own = match index {
                    Some(index) => server
                        .sections
                        .get(index)
                        .and_then(|section| section.config),
                    None => Some(server.outer),
                };
                warnings.note(keyring, config, settings, own);
            }
            if let Some(settings) = settings.filter(|_| ffi::is_config_test()) {
                warnings.about(&config, settings, now);
            }
            Ok(())
        }
        Err(flaw) if may_be_mended(server, &chain, &flaw) => {
            if flaw.mended_by.meets(SettingSet::PASSPHRASES) {
                let innermost = chain.last().copied().unwrap_or_default();
                server
                    .others(&chain, innermost)
                    .for_each(|other| warnings.may_be_used(&other));
            }
            Ok(())
        }
        Err(flaw) => Err(explain(server, flaw)),
    }
}

/// Whether a request may be in another section as well, which has a setting that
/// would mend the flaw; only the request can tell.
fn may_be_mended(server: &Server<'_, DirConfig<'_>>, chain: &[usize], flaw: &Flaw) -> bool {
    let Some(innermost) = chain.last() else {
        return false;
    };
    let has = server.own(chain).map(|config| config.sets());
    let has = has.fold(SettingSet::NOTHING, SettingSet::and);
    let lacks = flaw.mended_by.without(has);
    server
        .others(chain, *innermost)
        .any(|other| other.sets().meets(lacks))
}

/// Makes the keys under certificates that the sections of a server seal with, and notes
/// those under passphrases, before the children fork.
///
/// # Errors
///
/// OpenSSL or a hardware token fails.
pub(crate) fn prepare<'s>(
    state: &'s State,
    server: &Server<'s, DirConfig<'s>>,
    warnings: &mut Warnings,
    now: u64,
) -> Result<(), Message> {
    let keyring = &state.keyring;
    if !server.stands_behind {
        warnings.about_server(keyring, server);
    }
    let priority = match server.is_default {
        true => Priority::Default,
        false => Priority::Named,
    };
    for config in server.configs() {
        // A section without secrets may meet one that has them, or a `.htaccess` file.
        warnings.note_lifetime(config.policy().lifetime);
        let kept = KeptSecrets::default();
        // Settings that do not go together are refused in each request.
        let Ok(Some(settings)) = config.settings(keyring, &kept, During::Startup) else {
            continue;
        };
        warnings.about(&config, settings, now);
        warnings.keys.note(&config, settings);
        let prepared = keyring.prepare(settings, priority, now);
        let prepared = prepared.and_then(|_| match state.has_revocation_settings() {
            true => keyring.prepare_user_ids(settings),
            false => Ok(()),
        });
        prepared.map_err(|error| match config.first_certificate() {
            Some((line, name)) => emergency::cannot_seal_for(&line, name, &error),
            None => emergency::cannot_seal(&error),
        })?;
    }
    if server.is_last {
        warnings.about_database();
        other_modules::warn();
    }
    Ok(())
}

/// Says what is wrong, after the line at fault or else the server.
fn explain(server: &Server<'_, DirConfig<'_>>, flaw: Flaw) -> Message {
    match flaw.line {
        Some(_) => flaw.into_message(),
        None => flaw.message.at(&server.defined),
    }
}
