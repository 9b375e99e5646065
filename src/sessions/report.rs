//! The log lines about a request's session, their levels, and what is counted beside them.
//!
//! A token that does not open is an everyday event: `info`. A failure of this host
//! is an `error`, and mod_session gets no session. Each outcome is noted with its code, for
//! the access log, whether its line is written or not.
//!
//! The functions are cold, because most requests have nothing to report.

use session_crypto_core::{
    Counters, Event, LibraryError, Limit, Refusal, SealError, UserIdError, key_id_of_token,
};

use super::lifetimes::End;
use super::not_ended::NotEnded;
use super::{codes, outcome};
use crate::ffi::{Failed, Level, Request, processor};
use crate::message::Code;
use crate::{advice, clock};

/// The client's token does not open. The line has the id of the key that it asks for, if it
/// names one.
#[cold]
pub(crate) fn refused(request: Request<'_>, counters: Counters, refusal: Refusal, token: &[u8]) {
    let (code, event) = (codes::refused(refusal), Event::Refused(refusal));
    happened(request, counters, event, code);
    say(request, counters, event, code, || {
        let id = refusal.names_key().then(|| key_id_of_token(token));
        let id = id
            .flatten()
            .map_or_else(String::new, |id| format!(", {id}"));
        format!("session refused, the request goes on with an empty one: {refusal}{id}")
    });
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
        request.log(
            Level::Debug,
            codes::OLDER_KEY,
            &format_args!("session opened under an older key, {when} under the newest"),
        );
        return;
    }
    request.log(
        Level::Debug,
        codes::STALE,
        &format_args!(
            "session opened under another than the first passphrase, certificate or cipher, \
             {when} under these"
        ),
    );
}

/// The session in the client's token has expired.
#[cold]
pub(crate) fn expired(request: Request<'_>, counters: Counters) {
    let code = codes::EXPIRED;
    happened(request, counters, Event::Expired, code);
    request.log(
        Level::Debug,
        code,
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
    let code = codes::ended(end);
    happened(request, counters, event, code);
    let reason = match end {
        End::Lifetime => "it has reached the age of SessionCryptoMaxLifetime",
        End::NotBefore => "it began before the date of SessionCryptoNotBefore",
        End::Future => "its birth is more than a day in the future",
        End::Revoked => "a logout has ended it, or all sessions of its user",
    };
    say(request, counters, event, code, || {
        format!("session ended, the request goes on with an empty one: {reason}")
    });
}

/// The session has ended while the request went on; it is not stored.
pub(crate) fn ended_meanwhile(request: Request<'_>, counters: Counters) {
    let code = codes::ENDED_MEANWHILE;
    happened(request, counters, Event::Revoked, code);
    say(request, counters, Event::Revoked, code, || {
        "session ended during this request, and not saved again: a logout has ended it, or all \
         sessions of its user"
            .to_owned()
    });
}

/// This host cannot tell whether the session has ended.
pub(crate) fn not_judged(request: Request<'_>, counters: Counters, error: &UserIdError) {
    let code = codes::NOT_JUDGED;
    happened(request, counters, Event::NotOpened, code);
    request.log(
        Level::Error,
        code,
        &format_args!(
            "session not opened, because it may have ended: {}",
            advice::user_id(error)
        ),
    );
}

/// The session has got no name, or may have ended; it is not stored.
pub(crate) fn not_named(request: Request<'_>, counters: Counters, error: &UserIdError) -> Failed {
    let code = codes::NOT_NAMED;
    happened(request, counters, Event::NotSealed, code);
    request.log(
        Level::Error,
        code,
        &format_args!(
            "session not sealed, and not saved: {}",
            advice::user_id(error)
        ),
    );
    Failed
}

/// Other servers may have ended the session; it is not opened until their news are back.
pub(crate) fn news_are_missing(request: Request<'_>, counters: Counters) {
    let code = codes::NEWS_MISSING;
    happened(request, counters, Event::NotOpened, code);
    request.log(
        Level::Debug,
        code,
        &"session not opened, because news of ended sessions are missing",
    );
}

/// All sessions of a user are ended, with this number of records.
pub(crate) fn ended_everywhere(request: Request<'_>, records: usize) {
    let records = match records {
        1 => "one record".to_owned(),
        _ => format!("{records} records"),
    };
    request.log(
        Level::Info,
        codes::ENDED_EVERYWHERE,
        &format_args!("the sessions of a user are ended, in {records}"),
    );
}

/// The handler has ended no sessions.
pub(crate) fn not_ended(request: Request<'_>, reason: &NotEnded) {
    request.log(
        reason.level(),
        codes::not_ended(reason),
        &format_args!("no sessions ended: {}", reason.reason()),
    );
}

/// The session belongs to another realm; it is not stored.
#[cold]
pub(crate) fn in_another_realm(request: Request<'_>, counters: Counters) -> Failed {
    let code = codes::OTHER_REALM;
    happened(request, counters, Event::NotSealed, code);
    request.log(
        Level::Error,
        code,
        &"session not sealed, and not saved: it was read for a section that encrypts with other \
          settings",
    );
    Failed
}

/// A request had to wait for a key that no earlier request needed.
#[cold]
pub(crate) fn derived(request: Request<'_>) {
    request.log(
        Level::Debug,
        codes::DERIVED,
        &"a key was derived, or a private key used, during this request",
    );
}

/// The session could not be sealed; it is not stored.
#[cold]
pub(crate) fn not_sealed(request: Request<'_>, counters: Counters, error: &SealError) -> Failed {
    let code = codes::not_sealed(error);
    happened(request, counters, Event::NotSealed, code);
    let level = match error {
        // The parent says it once a minute.
        SealError::NoneSeals => Level::Info,
        _ => Level::Error,
    };
    request.log(
        level,
        code,
        &format_args!("session not sealed, and not saved: {}", advice::seal(error)),
    );
    Failed
}

/// This host failed at opening the token, which may be good.
#[cold]
pub(crate) fn not_opened(request: Request<'_>, counters: Counters, error: &LibraryError) {
    let code = codes::NOT_OPENED;
    happened(request, counters, Event::NotOpened, code);
    request.log(
        Level::Error,
        code,
        &format_args!("session not opened: {}", advice::library(error)),
    );
}

/// The settings of a section do not go together, or could not be made.
#[cold]
pub(crate) fn unusable(request: Request<'_>, counters: Counters, reason: &str) -> Failed {
    let code = codes::UNUSABLE;
    happened(request, counters, Event::Unusable, code);
    request.log(
        Level::Error,
        code,
        &format_args!("session neither opened nor sealed: {reason}"),
    );
    Failed
}

/// Counts what has happened to the session of a request, and notes its code.
pub(super) fn happened(request: Request<'_>, counters: Counters, event: Event, code: Code) {
    count(counters, event);
    outcome::note(request, code);
}

/// Writes the line about an event, of which each client may make as many as it likes: one a
/// second for the whole server. `LogLevel debug` has the others as well.
pub(crate) fn say(
    request: Request<'_>,
    counters: Counters,
    event: Event,
    code: Code,
    words: impl Fn() -> String,
) {
    if !request.logs(Level::Info) {
        return;
    }
    match counters.take_line(event, clock::now()) {
        Some(0) => request.log(Level::Info, code, &words()),
        Some(left_out) => request.log(
            Level::Info,
            code,
            &format_args!("{}; {left_out} such lines before it were left out", words()),
        ),
        None if request.logs(Level::Debug) => request.log(Level::Debug, code, &words()),
        None => counters.leave_line_out(event),
    }
}

/// Counts an event.
pub(super) fn count(counters: Counters, event: Event) {
    counters.count(event, processor::number());
}
