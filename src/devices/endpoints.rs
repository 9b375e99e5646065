//! The handler, which finds the endpoint and sends its answer.
//!
//! It answers before httpd asks for the user of a request, and before mod_session reads a
//! session: a browser deletes its side of a session if a login page answers in place of an
//! endpoint. No `ErrorDocument` takes the place of an answer.

use std::ffi::CStr;

use super::endpoint::{Answer, Endpoint};
use super::{off, refresh, register, report};
use crate::config::{DirConfig, KeptSecrets, Protection, Realm};
use crate::ffi::{Exchange, Handler, Request, Status};
use crate::session_crypto::SessionCrypto;
use crate::sessions::Life;
use crate::sessions::device_values::Values;
use crate::state::State;

/// The name of the handler, for `SetHandler`.
pub(crate) const HANDLER: &CStr = c"session-crypto-device";

/// The ends of the paths of both endpoints.
const REGISTER: &[u8] = b"/register";
const REFRESH: &[u8] = b"/refresh";

/// The handler in time.
pub(crate) const EARLY: Handler<SessionCrypto> = Handler {
    name: HANDLER,
    answer: early,
};

/// The handler for requests that it cannot answer.
pub(crate) const LATE: Handler<SessionCrypto> = Handler {
    name: HANDLER,
    answer: late,
};

/// Whether a request may be for an endpoint.
#[inline]
pub(crate) fn may_answer(request: Request<'_>, config: &DirConfig<'_>) -> bool {
    config.has_device_line() && is_endpoint(request)
}

#[inline(never)]
fn is_endpoint(request: Request<'_>) -> bool {
    let path = request.path().to_bytes();
    path.ends_with(REGISTER) || path.ends_with(REFRESH)
}

fn early<'r>(
    exchange: &mut Exchange<'r, Realm, Life>,
    state: &'r State,
    config: &DirConfig<'r>,
) -> Status {
    let answer = answer(exchange.request(), state, config);
    exchange.reply(&answer.reply())
}

fn answer<'r>(request: Request<'r>, state: &'r State, config: &DirConfig<'r>) -> Answer {
    if !request.is_post() {
        report::not_post(request);
        return Answer::new(Status::NotPost);
    }
    let Some(device) = config.device() else {
        return of_off(request, state, config);
    };
    let kept = KeptSecrets::default();
    let sealer = match config.protection(&state.keyring, &kept, request.time()) {
        Protection::Seal(sealer) => sealer,
        Protection::Clear => {
            report::clear(request);
            return Answer::new(Status::Unavailable);
        }
        Protection::Refuse(reason) => {
            report::unusable(request, &reason);
            return Answer::new(Status::Unavailable);
        }
    };
    let Some(values) = Values::new(request, &sealer) else {
        return Answer::new(Status::Unavailable);
    };
    of_endpoint(&Endpoint {
        request,
        state,
        config,
        device: &device,
        values,
    })
}

fn of_off(request: Request<'_>, state: &State, config: &DirConfig<'_>) -> Answer {
    match config.ended_device() {
        Some(device) => off::answer(request, state, &device, is_registration(request)),
        None => {
            report::undecided(request);
            Answer::new(Status::Unavailable)
        }
    }
}

fn is_registration(request: Request<'_>) -> bool {
    request.path().to_bytes().ends_with(REGISTER)
}

fn of_endpoint(endpoint: &Endpoint<'_, '_, '_, '_>) -> Answer {
    let answer = match is_registration(endpoint.request) {
        true => register::answer(endpoint),
        false => refresh::answer(endpoint),
    };
    answer.unwrap_or_else(|error| {
        report::not_sealed(endpoint, &error);
        Answer::new(Status::Unavailable)
    })
}

/// A request that came here has no endpoint, or is not one that a browser sends. It may be
/// one all the same, if a mistake has led it here, so the browser is to come again.
fn late<'r>(
    exchange: &mut Exchange<'r, Realm, Life>,
    _: &'r State,
    config: &DirConfig<'r>,
) -> Status {
    let request = exchange.request();
    if !config.has_device_line() {
        report::undecided(request);
        return Status::Unavailable;
    }
    if is_endpoint(request) {
        report::led_to(request);
        return Status::Unavailable;
    }
    report::no_endpoint(request);
    Status::NotFound
}
