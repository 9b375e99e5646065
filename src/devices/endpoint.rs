//! A request to an endpoint, and the answer of one.

use std::ffi::CStr;

use session_crypto_core::{Challenge, KeyThumbprint, SealError, headers};

use crate::config::{Device, DirConfig};
use crate::ffi::{Reply, Request, Status};
use crate::sessions::device_offer;
use crate::sessions::device_values::Values;
use crate::state::State;

/// A request to an endpoint.
pub(super) struct Endpoint<'a, 's, 'k, 'r> {
    pub(super) request: Request<'r>,
    pub(super) state: &'s State,
    pub(super) config: &'a DirConfig<'r>,
    pub(super) device: &'a Device<'r>,
    pub(super) values: Values<'s, 'k, 'r>,
}

impl Endpoint<'_, '_, '_, '_> {
    /// The value of a header of the request.
    pub(super) fn header(&self, name: &CStr) -> Option<&[u8]> {
        header_of(self.request, name)
    }
}

/// The value of a header of a request.
pub(super) fn header_of<'r>(request: Request<'r>, name: &CStr) -> Option<&'r [u8]> {
    let value = request.headers_in()?.get(name)?;
    Some(value.to_bytes())
}

/// The header that names a session of the browser.
pub(super) const SESSION_ID: &CStr = c"Sec-Secure-Session-Id";

/// The header with a proof.
pub(super) const PROOF: &CStr = c"Secure-Session-Response";

/// The header with the next challenge.
const CHALLENGE: &CStr = c"Secure-Session-Challenge";

const SET_COOKIE: &CStr = c"Set-Cookie";

/// An answer that is being put together.
pub(super) struct Answer {
    status: Status,
    headers: Vec<(&'static CStr, String)>,
    body: String,
}

impl Answer {
    /// An answer without a body. No cache may keep it.
    pub(super) fn new(status: Status) -> Self {
        Self {
            status,
            headers: vec![(c"Cache-Control", "no-store".to_owned())],
            body: String::new(),
        }
    }

    /// Adds a bound cookie that the browser keeps for some seconds.
    pub(super) fn with_bound_cookie(
        self,
        endpoint: &Endpoint<'_, '_, '_, '_>,
        value: &str,
        seconds: u64,
    ) -> Result<Self, SealError> {
        let token = endpoint.values.seal(value)?;
        Ok(self.with(
            SET_COOKIE,
            device_offer::bound_cookie(endpoint.device, token, seconds),
        ))
    }

    /// Adds a key cookie that the browser keeps for some seconds.
    pub(super) fn with_key_cookie(
        self,
        endpoint: &Endpoint<'_, '_, '_, '_>,
        value: &str,
        seconds: u64,
    ) -> Result<Self, SealError> {
        let token = endpoint.values.seal(value)?;
        Ok(self.with(
            SET_COOKIE,
            device_offer::key_cookie(endpoint.device, token, seconds),
        ))
    }

    /// Adds the next challenge.
    pub(super) fn with_challenge(
        self,
        endpoint: &Endpoint<'_, '_, '_, '_>,
        next: &Challenge,
        id: KeyThumbprint,
    ) -> Result<Self, SealError> {
        let token = endpoint.values.seal(&next.text())?;
        Ok(self.with(CHALLENGE, headers::challenge(token, id)))
    }

    /// Removes both cookies.
    pub(super) fn without_cookies(self, device: &Device<'_>) -> Self {
        let lines = device_offer::removals(device).into_iter();
        lines.fold(self, |answer, line| answer.with(SET_COOKIE, line))
    }

    /// Adds a body of JSON.
    pub(super) fn with_json(self, body: String) -> Self {
        Self { body, ..self }
    }

    fn with(mut self, name: &'static CStr, value: String) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer to send.
    pub(super) fn reply(&self) -> Reply<'_> {
        let has_body = !self.body.is_empty();
        Reply {
            status: self.status,
            content_type: has_body.then_some(c"application/json"),
            headers: &self.headers,
            body: &self.body,
        }
    }
}
