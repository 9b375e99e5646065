//! The endpoint at which a browser proves its key again.

use std::cell::Cell;

use session_crypto_core::{
    Challenge, DeviceEvent, DeviceReason, Instructions, KeyCookie, KeyThumbprint, Proof, Refresh,
    RefreshAnswer, SealError, Standing, Unsealed, headers,
};

use super::endpoint::{Answer, Endpoint, PROOF, SESSION_ID};
use super::report;
use crate::ffi::Status;
use crate::sessions::device_values::{are_too_many, cookies_named};
use crate::sessions::{key_cookie_rest, standing};

/// Answers a refresh.
///
/// # Errors
///
/// A value could not be sealed.
pub(super) fn answer(endpoint: &Endpoint<'_, '_, '_, '_>) -> Result<Answer, SealError> {
    let id = endpoint.header(SESSION_ID).and_then(headers::session_id);
    let is_stale = Cell::new(false);
    let key = key(endpoint, id, &is_stale);
    let proof = endpoint.header(PROOF).map(Proof::of_refresh);
    let challenge = match (&key, &proof) {
        // Without a key, nothing is worth to be opened.
        (Unsealed::Value(_), Some(Ok(proof))) => {
            let token = proof.challenge().as_bytes();
            endpoint.values.open(token, Challenge::read, || ())
        }
        _ => Unsealed::Absent,
    };
    let known = match &key {
        Unsealed::Value(cookie) => Some(cookie.clone()),
        _ => None,
    };
    let at = (endpoint.request, endpoint.state, endpoint.config);
    let standing = known.as_ref().map_or(Standing::Alive, |cookie| {
        standing(at, &cookie.session, &cookie.users)
    });
    let lifetime = endpoint.device.lifetime;
    let refresh = Refresh {
        id,
        key,
        standing,
        proof,
        challenge,
        now: endpoint.request.time(),
        lifetime,
    };
    match (refresh.answer(), id) {
        (RefreshAnswer::Refreshed { bound, next }, Some(id)) => {
            let mut answer = Answer::new(Status::Sent)
                .with_bound_cookie(endpoint, &bound.text(), lifetime)?
                .with_challenge(endpoint, &next, id)?;
            // The key that sealed it may go.
            if let (true, Some(cookie)) = (is_stale.get(), &known) {
                let rest = key_cookie_rest(at, &cookie.session);
                answer = answer.with_key_cookie(endpoint, &cookie.text(), rest)?;
            }
            report::done(endpoint, DeviceEvent::Refreshed);
            Ok(answer)
        }
        (RefreshAnswer::Challenge(next, reason), Some(id)) => {
            match reason {
                DeviceReason::NoProof => report::challenged(endpoint),
                _ => report::endpoint_denied(endpoint, "refresh with a new challenge", &reason),
            }
            Answer::new(Status::Forbidden).with_challenge(endpoint, &next, id)
        }
        (RefreshAnswer::Ended(id), _) => {
            report::endpoint_denied(endpoint, "refresh ended", &DeviceReason::Ended);
            let answer = Answer::new(Status::Sent).without_cookies(endpoint.device);
            Ok(answer.with_json(Instructions::end(id)))
        }
        (RefreshAnswer::Refused(reason), _) => {
            report::endpoint_denied(endpoint, "refresh refused", &reason);
            Ok(Answer::new(Status::Unauthorized))
        }
        (RefreshAnswer::Unable(reason), _) => {
            report::endpoint_denied(endpoint, "refresh not judged", &reason);
            Ok(Answer::new(Status::Unavailable))
        }
        // A request that names no session gets neither.
        (RefreshAnswer::Refreshed { .. } | RefreshAnswer::Challenge(..), None) => {
            report::endpoint_denied(endpoint, "refresh not judged", &DeviceReason::NoSessionId);
            Ok(Answer::new(Status::Unavailable))
        }
    }
}

/// The key cookie of the session that the browser names.
fn key(
    endpoint: &Endpoint<'_, '_, '_, '_>,
    id: Option<KeyThumbprint>,
    is_stale: &Cell<bool>,
) -> Unsealed<KeyCookie> {
    let Some(id) = id else {
        return Unsealed::Absent;
    };
    let was_stale = Cell::new(false);
    let read = |text: &[u8]| {
        let cookie = KeyCookie::read(text).filter(|cookie| cookie.is_of(id));
        // It was opened just now.
        if cookie.is_some() {
            is_stale.set(was_stale.take());
        }
        cookie
    };
    let name = &endpoint.device.cookie.key;
    let stale = || was_stale.set(true);
    let tokens = cookies_named(endpoint.request, name);
    let cookies = tokens.map(|token| endpoint.values.open(token, read, stale));
    match Unsealed::best(cookies) {
        // A sibling host may have put so many before the good one.
        Unsealed::Refused if are_too_many(endpoint.request, name) => Unsealed::Failed,
        best => best,
    }
}
