//! Settings that do nothing without a line elsewhere.

use std::collections::HashSet;

use crate::config::{DEVICE, DirConfig};
use crate::ffi::{Line, Server};
use crate::message::{Code, Message};
use crate::state::State;

/// A section says whose sessions a request may end, and no request can end any.
const NO_REVOCATION: Code = Code("SC0367");

/// A section says how its sessions are bound to devices, and none is.
const NO_DEVICES: Code = Code("SC0928");

/// Sessions are bound at the endpoints alone, where there are none.
const ENDPOINTS_ALONE: Code = Code("SC0934");

/// Checks that a list of ended sessions is there for the sections that say whose sessions a
/// request may end.
///
/// # Errors
///
/// There is none.
pub(crate) fn end_sessions(
    state: &State,
    server: &Server<'_, DirConfig<'_>>,
) -> Result<(), Message> {
    if state.has_revocation_settings() {
        return Ok(());
    }
    let written = server
        .configs()
        .find_map(|config| config.end_sessions_for_line());
    written.map_or(Ok(()), |(directive, line)| {
        Err(NO_REVOCATION.says(format!(
            "{line}: {directive} does nothing, and no request ends sessions of a user: there is no \
             list of ended sessions: write 'SessionCryptoRevocation on', or the address of a \
             store, in the configuration of the main server, or take the line out"
        )))
    })
}

/// The settings of devices of all servers, of which some may have no effect.
#[derive(Default)]
pub(super) struct IdleDevices {
    /// Settings, by their address, that are in force in a section that binds sessions.
    used: HashSet<usize>,
    /// Those of sections in which no line says whether sessions are bound.
    undecided: Vec<(usize, &'static str, Line)>,
    /// A section other than those of the handler says whether sessions are bound.
    is_decided: bool,
    /// The line that binds sessions in a section of the handler.
    at_endpoints: Option<Line>,
}

impl IdleDevices {
    /// Notes the settings in force in a chain of sections, which is perhaps that of the
    /// handler.
    pub(super) fn note(
        &mut self,
        server: &Server<'_, DirConfig<'_>>,
        chain: &[usize],
        is_of_handler: bool,
    ) {
        let config = server.config_of(chain);
        if !is_of_handler {
            self.is_decided |= config.has_device_line();
        } else if let Some(line) = config.device_line() {
            self.at_endpoints.get_or_insert_with(|| line.clone());
        }
        let settings = config.only_for_devices();
        // A request may be in another section as well, which binds its session.
        let may_bind = || {
            let innermost = chain.last().copied();
            innermost.is_some_and(|innermost| {
                let mut others = server.others(chain, innermost);
                others.any(|other| other.has_device_line())
            })
        };
        if config.has_device_line() || may_bind() {
            // Where a line says `off`, the others wait for it to say something else.
            self.used.extend(settings.map(|(address, ..)| address));
        } else {
            let settings = settings.map(|(address, name, line)| (address, name, line.clone()));
            self.undecided.extend(settings);
        }
    }

    /// Checks that each setting is of use somewhere.
    ///
    /// # Errors
    ///
    /// One is not.
    pub(super) fn check(&self) -> Result<(), Message> {
        if let Some(line) = self.at_endpoints.as_ref().filter(|_| !self.is_decided) {
            return Err(ENDPOINTS_ALONE.says(format!(
                "{line}: {DEVICE} binds nothing, because it stands in the section of the handler \
                 alone: write it outside of all sections, or in those with the sessions as well"
            )));
        }
        let mut undecided = self.undecided.iter();
        match undecided.find(|(address, ..)| !self.used.contains(address)) {
            Some((_, directive, line)) => Err(NO_DEVICES.says(format!(
                "{line}: {directive} does nothing, because no line binds sessions here: write \
                 '{DEVICE} offer' beside it, or take the line out"
            ))),
            None => Ok(()),
        }
    }
}
