//! What is looked at before httpd serves anybody: settings that do not go
//! together, certificates that are out of date, and keys that can be made in
//! advance.

use std::fmt::Display;

use session_crypto_core::{Identities, Keyring, Keys, Settings, Validity};

use crate::SessionCrypto;
use crate::config::{CERTIFICATE_FILE, DirRecord, During, Flaw, Held};
use crate::ffi::{self, Level, Server};

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
    if server.stands_behind {
        // Its sections are also those of the virtual hosts (merge_core_server_configs
        // in server/core.c), whose other settings they may need.
        return Ok(());
    }
    let is_first = ffi::is_first_reading();
    let mut look = |record: DirRecord<'s>| {
        let held = Held::new();
        let settings = record.settings(keyring, &held, During::Startup)?;
        // Later readings say so when their log is open.
        if let Some(settings) = settings.filter(|_| is_first) {
            warnings.about(&record, settings, crate::now());
        }
        Ok::<_, Flaw>(())
    };
    look(server.outer).map_err(|flaw| words(server, &flaw))?;
    for (index, inner) in server.sections.iter().enumerate() {
        let Err(flaw) = look(DirRecord::merge(&server.outer, inner)) else {
            continue;
        };
        // A request may be in two sections, of which the other has what this
        // one lacks; only the request can tell.
        let lacks = flaw.mended_by.without(inner.sets());
        let mut others = server.sections.iter().enumerate();
        let may_help = others.any(|(other, section)| other != index && section.sets().meets(lacks));
        if !may_help {
            return Err(words(server, &flaw));
        }
    }
    Ok(())
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

/// What has been warned of, so that it is not for each section and server.
#[derive(Default)]
pub(crate) struct Warnings(Vec<String>);

impl Warnings {
    /// Warns of a certificate that others might not accept any more, though
    /// this module does.
    fn about(&mut self, record: &DirRecord<'_>, settings: Settings<'_>, now: u64) {
        let Keys::Certificates(identities) = settings.keys else {
            return;
        };
        let Some((place, name)) = record.first_certificate() else {
            return;
        };
        let Some(state) = state(identities, now) else {
            return;
        };
        let warning = format!(
            "{place}: {CERTIFICATE_FILE}: the certificate in {name} {state}; sessions are sealed \
             and opened with it all the same, and a new one goes before it in the list"
        );
        if !self.0.contains(&warning) {
            ffi::log_server(Level::Warning, &warning);
            self.0.push(warning);
        }
    }
}

fn state(identities: &Identities, now: u64) -> Option<&'static str> {
    match identities.validity(now) {
        Validity::Expired => Some("has expired"),
        Validity::NotYetValid => Some("is not valid yet"),
        Validity::Valid => None,
    }
}
