//! The beginning and the end of a session's binding, in the answer that saves it.

use std::ffi::CStr;

use session_crypto_core::{
    Challenge, ChallengeFor, DeviceEvent, Sealer, SessionUsers, UserEntry, headers,
};

use super::device_report as report;
use super::device_values::{self, Values};
use super::life::{DeviceState, Session};
use crate::config::{Device, DirConfig};
use crate::ffi::Request;
use crate::state::State;

/// The header that offers a registration.
const REGISTRATION: &CStr = c"Secure-Session-Registration";

/// The header that sets a cookie.
const SET_COOKIE: &CStr = c"Set-Cookie";

/// Asks the browser to register a key for a session that has just begun, and is sealed. A
/// session is never offered twice: whoever has copied an older one would register first.
pub(super) fn offer(
    request: Request<'_>,
    state: &State,
    config: &DirConfig<'_>,
    device: &Device<'_>,
    (session, sealer): (&mut Session<'_>, &Sealer<'_>),
) {
    let life = session.note();
    let Some(entry) = life.entry.filter(|_| life.is_new) else {
        return;
    };
    // Browsers register over TLS only.
    if !request.is_encrypted() {
        return;
    }
    let Some(users) = users(session, config) else {
        return report::not_offered(request);
    };
    let challenge = Challenge {
        session: entry,
        made: request.time(),
        purpose: ChallengeFor::Registration(users),
    };
    let values = Values::new(request, sealer);
    let (Some(values), Some(pool), Some(mut headers)) =
        (values, request.pool(), request.lasting_headers_out())
    else {
        return;
    };
    match values.seal(&challenge.text()) {
        Ok(challenge) => {
            let value = headers::registration(&device.path.register, challenge);
            headers.add(REGISTRATION, pool.text(&value));
            report::counted(state.counters(), DeviceEvent::Offered);
        }
        Err(error) => report::value_not_sealed(request, &error),
    }
}

/// The users of a session, if they fit into a cookie.
fn users(session: &mut Session<'_>, config: &DirConfig<'_>) -> Option<SessionUsers> {
    let (policy, entries) = (config.policy(), session.entries());
    let entries = entries.as_ref().map(|entries| entries.entries());
    let users = entries
        .into_iter()
        .flatten()
        .filter(|(name, _)| policy.names_user(name));
    SessionUsers::new(users.map(|(name, value)| UserEntry {
        name: name.to_bytes(),
        value: value.to_bytes(),
    }))
}

/// Removes the cookies of devices with a session that becomes empty. Browsers without them
/// get no header.
pub(super) fn remove_with(request: Request<'_>, device: &Device<'_>, session: &Session<'_>) {
    let life = session.note();
    if life.had_content {
        return;
    }
    match life.device {
        DeviceState::Proved | DeviceState::Unproved => add_removals(request, device),
        DeviceState::Unjudged | DeviceState::Unbound => remove(request, device),
    }
}

/// Removes the cookies of devices from a browser that sends one.
pub(super) fn remove(request: Request<'_>, device: &Device<'_>) {
    let mut cookies = device_values::cookies_named(request, &device.cookie.bound);
    if cookies.next().is_some() {
        add_removals(request, device);
    }
}

#[cold]
fn add_removals(request: Request<'_>, device: &Device<'_>) {
    let (Some(pool), Some(mut headers)) = (request.pool(), request.lasting_headers_out()) else {
        return;
    };
    for line in removals(device) {
        headers.add(SET_COOKIE, pool.text(&line));
    }
}

/// The lines that remove the bound cookie and the key cookie.
pub(crate) fn removals(device: &Device<'_>) -> [String; 2] {
    [bound_cookie(device, "", 0), key_cookie(device, "", 0)]
}

/// The line that sets the bound cookie for some seconds.
pub(crate) fn bound_cookie(device: &Device<'_>, value: &str, seconds: u64) -> String {
    let cookie = device.cookie;
    let (name, attributes) = (&cookie.bound, &cookie.attributes);
    format!("{name}={value}; {attributes}; Max-Age={seconds}")
}

/// The line that sets the key cookie for some seconds.
pub(crate) fn key_cookie(device: &Device<'_>, value: &str, seconds: u64) -> String {
    let (name, attributes) = (&device.cookie.key, &device.path.key_attributes);
    format!("{name}={value}; {attributes}; Max-Age={seconds}")
}
