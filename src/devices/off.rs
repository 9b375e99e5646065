//! The endpoints after `SessionCryptoDevice off`: browsers forget what they have bound.

use session_crypto_core::{DeviceReason, Instructions, headers};

use super::endpoint::{Answer, SESSION_ID, header_of};
use super::report;
use crate::config::Device;
use crate::ffi::{Request, Status};
use crate::state::State;

/// Answers a browser that has bound a session before. After a 503, it would ask again for as
/// long as it keeps the session, and hold other requests back meanwhile. The session itself
/// keeps the name of its device, and is let in.
pub(super) fn answer(
    request: Request<'_>,
    state: &State,
    device: &Device<'_>,
    is_registration: bool,
) -> Answer {
    let denied = |beginning, reason| report::denied(request, state, beginning, &reason);
    if is_registration {
        denied("registration refused", DeviceReason::Off);
        return Answer::new(Status::BadRequest);
    }
    match header_of(request, SESSION_ID).and_then(headers::session_id) {
        Some(id) => {
            denied("refresh ended", DeviceReason::Off);
            let answer = Answer::new(Status::Sent).without_cookies(device);
            answer.with_json(Instructions::end(id))
        }
        None => {
            denied("refresh not judged", DeviceReason::NoSessionId);
            Answer::new(Status::Unavailable)
        }
    }
}
