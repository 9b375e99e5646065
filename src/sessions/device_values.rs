//! The sealed values of devices, under the keys of a section.

use std::ffi::CStr;

use session_crypto_core::{Now, OpenError, Opened, SealError, Sealer, Unsealed, cookies};

use super::device_report as report;
use crate::config::Device;
use crate::ffi::{Pool, Request, processor};
use crate::session_crypto::SessionCrypto;

/// The most cookies of one name that are opened. A sibling host may add some.
const MOST: usize = 8;

/// The values of a request, sealed and opened with the keys of its section.
pub(crate) struct Values<'s, 'k, 'r> {
    request: Request<'r>,
    sealer: &'s Sealer<'k>,
    pool: Pool<'r>,
}

impl<'s, 'k, 'r> Values<'s, 'k, 'r> {
    /// Uses the keys of a section; `None` for a request without memory.
    pub(crate) fn new(request: Request<'r>, sealer: &'s Sealer<'k>) -> Option<Self> {
        Some(Self {
            request,
            sealer,
            pool: request.pool()?,
        })
    }

    /// Opens a value, and reads it. `stale` is called if it would not be sealed as it is
    /// now.
    pub(crate) fn open<T>(
        &self,
        token: &[u8],
        read: impl FnOnce(&[u8]) -> Option<T>,
        stale: impl FnOnce(),
    ) -> Unsealed<T> {
        let outcome = self.sealer.open(token, now(self.request), &self.pool);
        match &outcome {
            Ok(Opened { stale: true, .. }) => stale(),
            Err(OpenError::Library(error)) => {
                report::value_not_opened(self.request, error);
            }
            _ => (),
        }
        Unsealed::of(&outcome, read)
    }

    /// Seals a value.
    ///
    /// # Errors
    ///
    /// As for a session.
    pub(crate) fn seal(&self, value: &str) -> Result<&'r str, SealError> {
        let sealed = self
            .sealer
            .seal(value.as_bytes(), now(self.request), &self.pool)?;
        Ok(sealed.token.to_str().unwrap_or_default())
    }
}

fn now(request: Request<'_>) -> Now {
    Now {
        seconds: request.time(),
        processor: processor::number(),
    }
}

/// The cookies that the browser has sent, with those that [`hide`] took out.
fn cookies_of(request: Request<'_>) -> Option<&CStr> {
    let noted = request.noted_cookies::<SessionCrypto>();
    noted.or_else(|| request.headers_in()?.get(COOKIE))
}

/// The cookies of a name that the browser has sent, no more than are opened. One of them may
/// be good.
pub(crate) fn cookies_named<'n>(
    request: Request<'n>,
    name: &'n str,
) -> impl Iterator<Item = &'n [u8]> {
    all_named(request, name).take(MOST)
}

/// Whether the browser has sent more cookies of a name than are opened.
pub(crate) fn are_too_many(request: Request<'_>, name: &str) -> bool {
    all_named(request, name).nth(MOST).is_some()
}

fn all_named<'n>(request: Request<'n>, name: &'n str) -> impl Iterator<Item = &'n [u8]> {
    let header = cookies_of(request).map(CStr::to_bytes);
    cookies::values(header.unwrap_or_default(), name)
}

/// Takes the cookies of devices out of a request, before a backend or a program sees it.
/// mod_session has read the session.
#[inline]
pub(crate) fn hide(request: Request<'_>, device: &Device<'_>) {
    hide_named(request, &[&device.cookie.bound, &device.cookie.key]);
}

fn hide_named(request: Request<'_>, names: &[&str]) {
    let (Some(mut headers), Some(pool)) = (request.headers_in(), request.pool()) else {
        return;
    };
    let Some(header) = headers.get(COOKIE) else {
        return;
    };
    if let Some(rest) = cookies::without(header.to_bytes(), names) {
        request.note_cookies::<SessionCrypto>(header);
        if rest.trim_ascii().is_empty() {
            headers.remove(COOKIE);
        } else {
            headers.set(COOKIE, pool.copy_bytes(&rest));
        }
    }
}

/// The header with the cookies of a request.
const COOKIE: &CStr = c"Cookie";
