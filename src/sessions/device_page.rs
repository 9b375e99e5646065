//! The page for a person whose session is refused because it is not bound in time.
//!
//! Applications see an empty session and cannot tell a person why. The page comes once for a
//! session with a user, and only in place of a page that a person opens: programs, scripts and forms get
//! the answer of the application, with an empty session. A cookie notes that it has come, and
//! nothing else changes, so the session goes on in sections that let it in.

use std::ffi::CStr;

use session_crypto_core::{DeviceCookie, DeviceMode, SessionEntry, cookies};

use crate::config::Device;
use crate::ffi::{Request, Table};

/// The page.
const PAGE: &str = include_str!("device_page.html");

/// The note of a request whose session is refused: the birth of the session.
const NOTE: &CStr = c"session-crypto-not-bound";

/// The variable with which an administrator does without the page.
const NO_PAGE: &CStr = c"session-device-no-page";

/// Follows the name of the bound cookie in that of the cookie that notes the page.
const TOLD: &str = "-told";

/// The attributes of that cookie. It reaches each path, so that the page does not come again.
const ATTRIBUTES: &str = DeviceCookie::DEFAULT_ATTRIBUTES;

/// Notes that a session is refused because it is not bound.
pub(super) fn note(request: Request<'_>, entry: &SessionEntry) {
    if let (Some(mut notes), Some(pool)) = (request.notes(), request.pool()) {
        notes.set(NOTE, pool.text(&entry.birth().to_string()));
    }
}

/// The page that takes the place of the answer, if it is to come. mod_session has read the
/// session.
#[inline]
pub(crate) fn instead<'r>(request: Request<'r>, device: &Device<'_>) -> Option<&'r CStr> {
    match device.mode {
        DeviceMode::Required { .. } => of_refused(request, device),
        DeviceMode::Offer | DeviceMode::Enforce => None,
    }
}

fn of_refused<'r>(request: Request<'r>, device: &Device<'_>) -> Option<&'r CStr> {
    let birth = request.notes()?.get(NOTE)?;
    let is_off = |environment: Table<'_>| environment.get(NO_PAGE).is_some();
    if request.has_origin() || request.environment().is_some_and(is_off) || !is_opened(request) {
        return None;
    }
    let name = format!("{}{TOLD}", device.cookie.bound);
    let header = request.headers_in()?.get(c"Cookie").unwrap_or_default();
    let mut told = cookies::values(header.to_bytes(), &name);
    if told.any(|value| value == birth.to_bytes()) {
        return None;
    }
    let birth = birth.to_string_lossy();
    let (pool, mut headers) = (request.pool()?, request.lasting_headers_out()?);
    let cookie = format!("{name}={birth}; {ATTRIBUTES}");
    headers.add(c"Set-Cookie", pool.text(&cookie));
    headers.set(c"Cache-Control", c"no-store");
    Some(pool.text(PAGE))
}

/// Whether a person opens a page, in a browser that says so (Fetch Metadata).
fn is_opened(request: Request<'_>) -> bool {
    let Some(headers) = request.headers_in() else {
        return false;
    };
    request.is_get()
        && headers.get(c"Sec-Fetch-Mode") == Some(c"navigate")
        && headers.get(c"Sec-Fetch-Dest") == Some(c"document")
        // The browser may fetch a page that nobody comes to see.
        && headers.get(c"Sec-Purpose").is_none()
}
