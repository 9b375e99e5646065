//! The log lines about the devices of sessions, and what is counted beside them.

use session_crypto_core::{Counters, DeviceEvent, Event, LibraryError, SealError, Unproved};

use super::outcome;
use super::report::{count, happened, say};
use crate::advice;
use crate::ffi::{Level, Request};
use crate::message::Code;

/// A session has become bound.
const BECAME_BOUND: Code = Code("SC0801");

/// A value of a device cannot be opened now.
const NOT_OPENED: Code = Code("SC0811");

/// A value of a device cannot be sealed.
const NOT_SEALED: Code = Code("SC0812");

/// The users of a session do not fit into a cookie.
const NOT_OFFERED: Code = Code("SC0813");

/// The code of a session whose device has proved nothing.
const fn unproved(why: Unproved) -> Code {
    Code(match why {
        Unproved::NoCookie => "SC0821",
        Unproved::Ended => "SC0822",
        Unproved::OtherDevice => "SC0823",
        Unproved::OtherSession => "SC0824",
        Unproved::NotBound => "SC0825",
    })
}

/// Counts an event.
pub(crate) fn counted(counters: Counters, event: DeviceEvent) {
    count(counters, Event::Device(event));
}

/// A session has become bound.
#[cold]
pub(super) fn became_bound(request: Request<'_>, is_saved: bool) {
    let when = match is_saved {
        true => "it will be saved",
        false => "it will be saved with the next change",
    };
    request.log(
        Level::Debug,
        BECAME_BOUND,
        &format_args!("session bound to the device of the browser, {when}"),
    );
}

/// A session is refused, because nothing shows that it comes from its device.
#[cold]
pub(super) fn refused(request: Request<'_>, counters: Counters, why: Unproved) {
    let (code, event) = (
        unproved(why),
        Event::Device(DeviceEvent::Refused(why.counted())),
    );
    happened(request, counters, event, code);
    say(request, counters, event, code, || {
        format!(
            "session refused because of its device, the request goes on with an empty one: {why}"
        )
    });
}

/// A session would be refused, if the section did more than to offer.
#[cold]
pub(super) fn tolerated(request: Request<'_>, counters: Counters, why: Unproved) {
    let code = unproved(why);
    outcome::note(request, code);
    say(
        request,
        counters,
        Event::Device(DeviceEvent::Tolerated),
        code,
        || format!("session not refused, because 'SessionCryptoDevice offer' refuses none: {why}"),
    );
}

/// A session is not offered to be bound.
#[cold]
pub(super) fn not_offered(request: Request<'_>) {
    request.log(
        Level::Info,
        NOT_OFFERED,
        &"session not offered to be bound: the entries that name its user have more than 256 \
          bytes, or are more than 4",
    );
}

/// This host failed at opening a value, which may be good.
#[cold]
pub(super) fn value_not_opened(request: Request<'_>, error: &LibraryError) {
    request.log(
        Level::Error,
        NOT_OPENED,
        &format_args!("value of a device not opened: {}", advice::library(error)),
    );
}

/// A value of a device could not be sealed.
#[cold]
pub(crate) fn value_not_sealed(request: Request<'_>, error: &SealError) {
    outcome::note(request, NOT_SEALED);
    let level = match error {
        // The parent says it once a minute.
        SealError::NoneSeals => Level::Info,
        _ => Level::Error,
    };
    request.log(
        level,
        NOT_SEALED,
        &format_args!("value of a device not sealed: {}", advice::seal(error)),
    );
}
