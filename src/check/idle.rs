//! Settings that do nothing without a line elsewhere.

use crate::config::DirConfig;
use crate::ffi::Server;
use crate::message::{Code, Message};
use crate::state::State;

/// A section says whose sessions a request may end, and no request can end any.
const NO_REVOCATION: Code = Code("SC0367");

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
