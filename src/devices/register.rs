//! The endpoint at which a browser registers a key.

use session_crypto_core::{
    Challenge, ChallengeFor, DeviceEvent, Instructions, KeyCookie, Proof, REGISTERED_LIFETIME,
    Registered, Registration, RegistrationAnswer, SealError, Standing, Unsealed,
};

use super::endpoint::{Answer, Endpoint, PROOF};
use super::report;
use crate::ffi::Status;
use crate::sessions::device_values::cookies_named;
use crate::sessions::{key_cookie_rest, standing};

/// The most key cookies that are opened. A browser has one, and a sibling host may add some.
const MOST_BROUGHT: usize = 4;

/// Answers a registration. It neither needs a session nor reads one: browsers leave the
/// cookie of the session out, if the login came from another site.
///
/// # Errors
///
/// A value could not be sealed.
pub(super) fn answer(endpoint: &Endpoint<'_, '_, '_, '_>) -> Result<Answer, SealError> {
    let proof = endpoint.header(PROOF);
    let proof = proof.map(Proof::of_registration);
    let challenge = match &proof {
        Some(Ok((proof, _))) => {
            let token = proof.challenge().as_bytes();
            endpoint.values.open(token, Challenge::read, || ())
        }
        _ => Unsealed::Absent,
    };
    let registration = Registration {
        standing: standing_of(endpoint, &challenge),
        proof,
        challenge,
        now: endpoint.request.time(),
    };
    match registration.answer(brought(endpoint)) {
        RegistrationAnswer::Registered(registered) => {
            let answer = registered_answer(endpoint, &registered)?;
            report::done(endpoint, DeviceEvent::Registered);
            Ok(answer)
        }
        RegistrationAnswer::Refused(reason) => {
            report::endpoint_denied(endpoint, "registration refused", &reason);
            Ok(Answer::new(Status::BadRequest))
        }
        RegistrationAnswer::Unable(reason) => {
            report::endpoint_denied(endpoint, "registration not judged", &reason);
            Ok(Answer::new(Status::Unavailable))
        }
    }
}

/// The key cookies that the request brings and this server opens.
fn brought(endpoint: &Endpoint<'_, '_, '_, '_>) -> impl Iterator<Item = KeyCookie> {
    let tokens = cookies_named(endpoint.request, &endpoint.device.cookie.key);
    tokens.take(MOST_BROUGHT).filter_map(|token| {
        match endpoint.values.open(token, KeyCookie::read, || ()) {
            Unsealed::Value(cookie) => Some(cookie),
            _ => None,
        }
    })
}

fn standing_of(endpoint: &Endpoint<'_, '_, '_, '_>, challenge: &Unsealed<Challenge>) -> Standing {
    let Unsealed::Value(challenge) = challenge else {
        return Standing::Alive;
    };
    match &challenge.purpose {
        ChallengeFor::Registration(users) => standing(
            (endpoint.request, endpoint.state, endpoint.config),
            &challenge.session,
            users,
        ),
        ChallengeFor::Refresh => Standing::Alive,
    }
}

fn registered_answer(
    endpoint: &Endpoint<'_, '_, '_, '_>,
    registered: &Registered,
) -> Result<Answer, SealError> {
    let Registered { key, bound, next } = registered;
    let (id, device) = (key.key.thumbprint(), endpoint.device);
    let initiators: Vec<&str> = device.initiators.iter().map(String::as_str).collect();
    let instructions = Instructions {
        id,
        refresh: &device.path.refresh,
        cookie: &device.cookie.bound,
        attributes: &device.cookie.attributes,
        initiators: &initiators,
        excluded: &[],
    };
    let at = (endpoint.request, endpoint.state, endpoint.config);
    let rest = key_cookie_rest(at, &key.session);
    Answer::new(Status::Sent)
        .with_bound_cookie(endpoint, &bound.text(), REGISTERED_LIFETIME)?
        .with_key_cookie(endpoint, &key.text(), rest)?
        .with_challenge(endpoint, next, id)
        .map(|answer| answer.with_json(instructions.json()))
}
