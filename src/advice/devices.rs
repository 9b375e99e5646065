//! Errors of lines about devices of sessions.

use session_crypto_core::DeviceCookieFlaw;

use crate::message::{Code, Message};

/// A word is no mode.
pub(crate) fn device_mode(word: &str) -> Message {
    Code("SC0901").says(format!(
        "'{word}' is none of 'off', 'offer', 'enforce' and 'required': write 'offer' first, \
         which refuses no session, and 'enforce' later"
    ))
}

/// A grace stands beside a mode without one.
pub(crate) fn idle_grace(mode: &str, grace: &str) -> Message {
    Code("SC0902").says(format!(
        "'{grace}' does nothing, because '{mode}' lets sessions in that are not bound: take it \
         out, or write 'required {grace}'"
    ))
}

/// A grace is too short or too long.
pub(crate) fn grace(text: &str) -> Message {
    Code("SC0903").says(format!(
        "'{text}' is not from 10s to 1h: write the time in which a browser binds a new session, \
         as 60s; until then a stolen session works"
    ))
}

/// A text is no path of endpoints.
pub(crate) fn device_path(text: &str) -> Message {
    Code("SC0904").says(format!(
        "'{text}' is not the path of a section: write one that begins with a slash, ends with \
         none, and has only letters, digits and - . _ ~ between its slashes, as /session-device"
    ))
}

/// A cookie cannot be the one that shows the device.
pub(crate) fn device_cookie(name: &str, flaw: DeviceCookieFlaw) -> Message {
    match flaw {
        DeviceCookieFlaw::Name => Code("SC0905").says(format!(
            "'{name}' is no name of a cookie: write up to 64 letters, digits, - and _, as \
             __Host-session-device"
        )),
        DeviceCookieFlaw::Attribute => Code("SC0906").says(
            "browsers compare only Path, Secure, HttpOnly and SameSite, and the lifetime has a \
             directive of its own: write \"Path=/; Secure; HttpOnly; SameSite=Lax\"",
        ),
        DeviceCookieFlaw::Missing(attribute) => Code("SC0907").says(format!(
            "the attributes lack {attribute}: write \"Path=/; Secure; HttpOnly; SameSite=Lax\""
        )),
        DeviceCookieFlaw::Domain => Code("SC0908").says(
            "browsers prove their device to one host, and other hosts of a domain would refuse \
             their sessions: take Domain out",
        ),
        DeviceCookieFlaw::HostPath => Code("SC0909").says(format!(
            "browsers refuse {name} with another path than Path=/: write Path=/, or a name that \
             begins with __Secure-"
        )),
    }
}

/// A lifetime makes browsers sign too often.
pub(crate) fn short_device_lifetime(text: &str) -> Message {
    Code("SC0910").says(format!(
        "'{text}' is shorter than 5min: browsers sign at most six times in nine minutes for all \
         applications of a site, and two minutes before each end, so their quota would run out and \
         bound sessions would be refused: write 10min"
    ))
}

/// A lifetime lets copies in for too long.
pub(crate) fn long_device_lifetime(text: &str) -> Message {
    Code("SC0911").says(format!(
        "'{text}' is longer than 1h, and copied cookies work for as long: write 10min"
    ))
}

/// A word is no host.
pub(crate) fn initiator(word: &str) -> Message {
    Code("SC0912").says(format!(
        "'{word}' is no host: write a name without scheme, port and path, as login.example, \
         *.example for all hosts of a domain, or * alone for all"
    ))
}
