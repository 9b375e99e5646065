//! The life of a session that a request does not bring, but a sealed value of its device.

use session_crypto_core::{SessionEntry, SessionUsers, Standing};

use super::lifetimes::Lifetimes;
use super::report;
use crate::config::DirConfig;
use crate::ffi::Request;
use crate::state::State;

/// A section that a request is in.
type Place<'a, 'r> = (Request<'r>, &'a State, &'a DirConfig<'r>);

/// The most seconds that browsers keep a cookie: 400 days (RFC 6265bis, section 5.5).
const MOST_KEPT: u64 = 400 * 86_400;

/// Whether a session may go on.
pub(crate) fn standing(
    (request, state, config): Place<'_, '_>,
    entry: &SessionEntry,
    users: &SessionUsers,
) -> Standing {
    let lifetimes = Lifetimes::new(request, state, config);
    lifetimes.standing(entry, users).unwrap_or_else(|error| {
        report::not_judged(request, state.counters(), &error);
        Standing::Unknown
    })
}

/// The seconds that a browser keeps the key cookie of a session: as long as the session may
/// live.
pub(crate) fn key_cookie_rest(
    (request, state, config): Place<'_, '_>,
    entry: &SessionEntry,
) -> u64 {
    let rest = Lifetimes::new(request, state, config).rest(entry);
    rest.unwrap_or(MOST_KEPT).min(MOST_KEPT)
}
