//! The log lines about the endpoints, and what is counted beside them.

use session_crypto_core::{DeviceEvent, DeviceReason, EndpointReason, Event, SealError};

use super::endpoint::Endpoint;
use crate::advice;
use crate::ffi::{Level, Request};
use crate::message::Code;
use crate::sessions::{device_report, note, say};
use crate::state::State;

/// A browser has registered a key.
const REGISTERED: Code = Code("SC0802");

/// A browser has proved its key.
const REFRESHED: Code = Code("SC0803");

/// A browser is to prove its key.
const CHALLENGED: Code = Code("SC0804");

/// The handler is asked too late.
const LED_TO: Code = Code("SC0832");

/// The handler is asked for another path than those of its endpoints.
const NO_ENDPOINT: Code = Code("SC0833");

/// The method is not `POST`.
const NOT_POST: Code = Code("SC0834");

/// No line says whether sessions of the handler's section are bound.
const UNDECIDED: Code = Code("SC0835");

/// Sessions of the handler's section are in clear.
const CLEAR: Code = Code("SC0836");

/// The settings of the handler's section cannot be used.
const UNUSABLE: Code = Code("SC0837");

/// The code of a browser that does not get what it asks for.
const fn code(reason: &DeviceReason) -> Code {
    Code(match reason {
        DeviceReason::NoSessionId => "SC0841",
        DeviceReason::NoKey => "SC0842",
        DeviceReason::KeyElsewhere => "SC0843",
        DeviceReason::KeyFailed => "SC0844",
        DeviceReason::Ended => "SC0845",
        DeviceReason::StandingUnknown => "SC0846",
        DeviceReason::NoProof => "SC0847",
        DeviceReason::Proof(_) => "SC0848",
        DeviceReason::NoChallenge => "SC0849",
        DeviceReason::ChallengeElsewhere => "SC0850",
        DeviceReason::ChallengeFailed => "SC0851",
        DeviceReason::ChallengePurpose => "SC0852",
        DeviceReason::ChallengeSession => "SC0853",
        DeviceReason::ChallengeAge => "SC0854",
        DeviceReason::YoungerSession => "SC0855",
        DeviceReason::Library(_) => "SC0856",
        DeviceReason::Off => "SC0857",
    })
}

/// A browser has got what it asked for.
pub(super) fn done(endpoint: &Endpoint<'_, '_, '_, '_>, event: DeviceEvent) {
    device_report::counted(endpoint.state.counters(), event);
    let (code, words) = match event {
        DeviceEvent::Registered => (REGISTERED, "a browser has registered a key"),
        _ => (REFRESHED, "a browser has proved its key"),
    };
    endpoint.request.log(Level::Debug, code, &words);
}

/// A browser without a challenge gets one, which is no news.
pub(super) fn challenged(endpoint: &Endpoint<'_, '_, '_, '_>) {
    let event = DeviceEvent::Denied(DeviceReason::NoProof.counted());
    device_report::counted(endpoint.state.counters(), event);
    let words = "a browser has got a challenge";
    endpoint.request.log(Level::Debug, CHALLENGED, &words);
}

/// A browser does not get what it asks an endpoint for.
pub(super) fn endpoint_denied(
    endpoint: &Endpoint<'_, '_, '_, '_>,
    beginning: &str,
    reason: &DeviceReason,
) {
    denied(endpoint.request, endpoint.state, beginning, reason);
}

/// A browser does not get what it asks for.
pub(super) fn denied(request: Request<'_>, state: &State, beginning: &str, reason: &DeviceReason) {
    let (code, counters) = (code(reason), state.counters());
    let event = DeviceEvent::Denied(reason.counted());
    device_report::counted(counters, event);
    note(request, code);
    if let DeviceReason::Library(error) = reason {
        return request.log(
            Level::Error,
            code,
            &format_args!("{beginning}: {}", advice::library(error)),
        );
    }
    say(request, counters, Event::Device(event), code, || {
        format!("{beginning}: {reason}")
    });
}

/// An answer could not be sealed.
pub(super) fn not_sealed(endpoint: &Endpoint<'_, '_, '_, '_>, error: &SealError) {
    let event = DeviceEvent::Denied(EndpointReason::NOT_SEALED);
    device_report::counted(endpoint.state.counters(), event);
    device_report::value_not_sealed(endpoint.request, error);
}

/// The method is not that of browsers.
pub(super) fn not_post(request: Request<'_>) {
    say_not_here(request, Level::Info, NOT_POST, "the method is not POST");
}

/// Another request led to the handler, or httpd chose it late.
pub(super) fn led_to(request: Request<'_>) {
    let words = "another request led to this one, or no SetHandler in a section chose the \
                 handler: browsers ask for the path of SessionCryptoDevicePath itself";
    say_not_here(request, Level::Error, LED_TO, words);
}

/// The path is that of no endpoint.
pub(super) fn no_endpoint(request: Request<'_>) {
    let words = "the path ends with neither /register nor /refresh";
    say_not_here(request, Level::Info, NO_ENDPOINT, words);
}

/// No line says whether sessions of the section are bound.
pub(super) fn undecided(request: Request<'_>) {
    let words = "no line says in the section of the handler whether sessions are bound: write \
                 SessionCryptoDevice there, as in the sections whose sessions are bound";
    say_not_here(request, Level::Error, UNDECIDED, words);
}

/// The section does not encrypt sessions.
pub(super) fn clear(request: Request<'_>) {
    let words = "the section of the handler does not encrypt sessions: write \
                 SessionCryptoKeyFile there, as in the sections whose sessions are bound";
    say_not_here(request, Level::Error, CLEAR, words);
}

/// The settings of the section do not go together.
pub(super) fn unusable(request: Request<'_>, reason: &str) {
    say_not_here(request, Level::Error, UNUSABLE, reason);
}

fn say_not_here(request: Request<'_>, level: Level, code: Code, reason: &str) {
    note(request, code);
    request.log(level, code, &format_args!("no device served: {reason}"));
}
