//! The log lines about a request's session, their levels, and what is counted beside them.
//!
//! A token that does not open is an everyday event: `info`. A failure of this host
//! is an `error`, and mod_session gets no session.
//!
//! The functions are cold, because most requests have nothing to report.

use session_crypto_core::{
    Counters, Event, LibraryError, Limit, Refusal, SealError, UserIdError, key_id_of_token,
};

use super::lifetimes::End;
use super::not_ended::NotEnded;
use crate::advice;
use crate::ffi::{Failed, Level, Request, processor};

/// The client's token does not open. If its key is not in the section's JWK Set, or has
/// ended, the line has the id of the key.
#[cold]
pub(crate) fn refused(request: Request<'_>, counters: Counters, refusal: Refusal, token: &[u8]) {
    count(counters, Event::Refused(refusal));
    let key = match refusal {
        Refusal::UnknownSetKey | Refusal::EndedSetKey => key_id_of_token(token),
        _ => None,
    };
    let key = key.map_or_else(String::new, |id| format!(", {id}"));
    request.log(
        Level::Info,
        &format_args!("session refused, the request goes on with an empty one: {refusal}{key}"),
    );
}

/// The client's token would not be made as it is now. `saves` tells whether it is
/// replaced at once, or when the session is saved next; `has_keys` whether the section has
/// a key file.
#[cold]
pub(crate) fn stale(request: Request<'_>, counters: Counters, saves: bool, has_keys: bool) {
    count(counters, Event::Stale);
    let when = if saves {
        "it will be saved"
    } else {
        "when saved next, it will be"
    };
    if has_keys {
        let words = format_args!("session opened under an older key, {when} under the newest");
        request.log(Level::Debug, &words);
        return;
    }
    request.log(
        Level::Debug,
        &format_args!(
            "session opened under another than the first passphrase, certificate or cipher, \
             {when} under these"
        ),
    );
}

/// The session in the client's token has expired.
#[cold]
pub(crate) fn expired(request: Request<'_>, counters: Counters) {
    count(counters, Event::Expired);
    request.log(
        Level::Debug,
        &"session expired, the request goes on with an empty one",
    );
}

/// The session in the client's token has ended.
pub(crate) fn ended(request: Request<'_>, counters: Counters, end: End) {
    let event = match end {
        End::Lifetime => Event::Ended(Limit::Lifetime),
        End::NotBefore => Event::Ended(Limit::NotBefore),
        End::Future => Event::Ended(Limit::Future),
        End::Revoked => Event::Revoked,
    };
    count(counters, event);
    let reason = match end {
        End::Lifetime => "it has reached the age of SessionCryptoMaxLifetime",
        End::NotBefore => "it began before the date of SessionCryptoNotBefore",
        End::Future => "its birth is more than a day in the future",
        End::Revoked => "a logout has ended it, or all sessions of its user",
    };
    request.log(
        Level::Info,
        &format_args!("session ended, the request goes on with an empty one: {reason}"),
    );
}

/// The session has ended while the request went on; it is not stored.
pub(crate) fn ended_meanwhile(request: Request<'_>, counters: Counters) {
    count(counters, Event::Revoked);
    request.log(
        Level::Info,
        &"session ended during this request, and not saved again: a logout has ended it, or all \
          sessions of its user",
    );
}

/// This host cannot tell whether the session has ended.
pub(crate) fn not_judged(request: Request<'_>, counters: Counters, error: &UserIdError) {
    count(counters, Event::NotOpened);
    request.log(
        Level::Error,
        &format_args!(
            "session not opened, because it may have ended: {}",
            advice::user_id(error)
        ),
    );
}

/// The session has got no name, or may have ended; it is not stored.
pub(crate) fn not_named(request: Request<'_>, counters: Counters, error: &UserIdError) -> Failed {
    count(counters, Event::NotSealed);
    request.log(
        Level::Error,
        &format_args!(
            "session not sealed, and not saved: {}",
            advice::user_id(error)
        ),
    );
    Failed
}

/// Other servers may have ended the session; it is not opened until their news are back.
pub(crate) fn news_are_missing(request: Request<'_>, counters: Counters) {
    count(counters, Event::NotOpened);
    request.log(
        Level::Debug,
        &"session not opened, because news of ended sessions are missing",
    );
}

/// All sessions of a user are ended, with this number of records.
pub(crate) fn ended_everywhere(request: Request<'_>, records: usize) {
    request.log(
        Level::Info,
        &format_args!("the sessions of a user are ended, in {records} records"),
    );
}

/// The handler has ended no sessions.
pub(crate) fn not_ended(request: Request<'_>, reason: &NotEnded) {
    request.log(
        reason.level(),
        &format_args!("no sessions ended: {}", reason.reason()),
    );
}

/// The session belongs to another realm; it is not stored.
#[cold]
pub(crate) fn in_another_realm(request: Request<'_>, counters: Counters) -> Failed {
    count(counters, Event::NotSealed);
    request.log(
        Level::Error,
        &"session not sealed, and not saved: it was read for a section that encrypts with \
          other settings",
    );
    Failed
}

/// A request had to wait for a key that no earlier request needed.
#[cold]
pub(crate) fn derived(request: Request<'_>) {
    request.log(
        Level::Debug,
        &"a key was derived, or a private key used, during this request",
    );
}

/// The session could not be sealed; it is not stored.
#[cold]
pub(crate) fn not_sealed(request: Request<'_>, counters: Counters, error: &SealError) -> Failed {
    count(counters, Event::NotSealed);
    let level = match error {
        // The parent says it once a minute.
        SealError::NoneSeals => Level::Info,
        _ => Level::Error,
    };
    request.log(
        level,
        &format_args!("session not sealed, and not saved: {}", advice::seal(error)),
    );
    Failed
}

/// This host failed at opening the token, which may be good.
#[cold]
pub(crate) fn not_opened(request: Request<'_>, counters: Counters, error: &LibraryError) {
    count(counters, Event::NotOpened);
    request.log(
        Level::Error,
        &format_args!("session not opened: {}", advice::library(error)),
    );
}

/// The settings of a section do not go together, or could not be made.
#[cold]
pub(crate) fn unusable(request: Request<'_>, counters: Counters, reason: &str) -> Failed {
    count(counters, Event::Unusable);
    request.log(
        Level::Error,
        &format_args!("session neither opened nor sealed: {reason}"),
    );
    Failed
}

fn count(counters: Counters, event: Event) {
    counters.count(event, processor::number());
}
