//! What happens to a session on its way in and out.
//!
//! Both ways fail closed: once a section asks for encryption, a session
//! leaves sealed or not at all, and comes in authenticated or empty.

use session_crypto_core::{Cost, Keyring, Now, OpenError, Opened};

use crate::config::{DirRecord, Held, Protection, Realm};
use crate::ffi::{Failed, Request, processor};
use crate::{realms, report};

/// A session, with contents for each realm that asks for it.
pub(crate) type Session<'r> = crate::ffi::Session<'r, Realm>;

/// Seals the session, before mod_session stores it.
pub(crate) fn encode<'r>(
    request: Request<'r>,
    keyring: &'r Keyring,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    let outcome = seal(request, keyring, record, session);
    if outcome.is_err() {
        // Should anybody look at it, it is not there in clear.
        session.clear_encoded();
    }
    outcome
}

fn seal<'r>(
    request: Request<'r>,
    keyring: &'r Keyring,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    if !session.is_in(record.realm()) {
        return Err(report::in_another_realm(request));
    }
    if session.is_withheld() {
        // `is_to_be_saved` keeps it from the store: there is nothing to seal.
        session.clear_encoded();
        return Ok(());
    }
    // mod_session turns an empty session into a cookie that deletes itself.
    let Some(plaintext) = session.encoded() else {
        return Ok(());
    };
    let held = Held::new();
    let sealer = match record.protection(keyring, &held, request.time()) {
        Protection::Clear => {
            session.mark_encoded();
            return Ok(());
        }
        Protection::Refuse(reason) => return Err(report::unusable(request, &reason)),
        Protection::Seal(sealer) => sealer,
    };
    let sealed = sealer
        .seal(plaintext.to_bytes(), now(request), &session.pool())
        .map_err(|error| report::not_sealed(request, &error))?;
    session.set_token(sealed.token);
    if sealed.cost != Cost::None {
        report::derived(request);
    }
    Ok(())
}

/// Opens the token, before mod_session reads the session.
///
/// An error here would make mod_session drop the session that a login is about
/// to fill, so each outcome is a session that can be written to: that of the
/// token, or an empty one.
pub(crate) fn decode<'r>(
    request: Request<'r>,
    keyring: &'r Keyring,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) {
    session.enter(record.realm());
    let Some(token) = session.encoded() else {
        return;
    };
    let held = Held::new();
    let sealer = match record.protection(keyring, &held, request.time()) {
        Protection::Clear => return,
        Protection::Refuse(reason) => {
            report::unusable(request, &reason);
            session.clear_encoded();
            session.withhold();
            return;
        }
        Protection::Seal(sealer) => sealer,
    };
    let outcome = sealer.open(token.to_bytes(), now(request), &session.pool());
    match outcome {
        Ok(opened) => take(request, session, &opened),
        Err(OpenError::Refused(refusal)) => {
            session.clear_encoded();
            if refusal.may_open_elsewhere() {
                session.withhold();
            }
            report::refused(request, refusal);
        }
        Err(OpenError::Library(error)) => {
            session.clear_encoded();
            session.withhold();
            report::not_opened(request, &error);
        }
    }
}

fn take<'r>(request: Request<'r>, session: &mut Session<'r>, opened: &Opened<'r>) {
    session.set_text(opened.session);
    if opened.cost != Cost::None {
        report::derived(request);
    }
    if opened.stale {
        // One that is dirty gets another id, and the requests that come beside
        // this one would not find it any more.
        let saves = !session.has_id();
        if saves {
            session.mark_dirty();
        }
        report::stale(request, saves);
    }
}

/// Empties a session that has expired. mod_session 2.4 drops its record, and
/// with it what a login writes there (PR 56052); 2.5 moves the record into the
/// pool of the request that asks, which may be a subrequest's.
pub(crate) fn decoded(request: Request<'_>, session: &mut Session<'_>) {
    if session.has_expired() {
        session.empty();
        report::expired(request);
    }
}

/// Whether a session is to be stored. A session that nobody has written to does
/// not replace a token that this server could not open, and that may be good.
/// Neither does that of a subrequest replace its main request's: mod_session
/// saves it where includes are nested; nor that of an error document that is an
/// error itself.
pub(crate) fn is_to_be_saved(request: Request<'_>, session: &Session<'_>) -> bool {
    // `encode` has left nothing to store of a session that is withheld.
    let is_withheld = session.encoded().is_none() && session.is_withheld();
    let is_foreign = request.is_subrequest() && realms::comes_from_elsewhere(request);
    !is_withheld && !is_foreign && !realms::does_not_answer(request)
}

fn now(request: Request<'_>) -> Now {
    Now {
        seconds: request.time(),
        processor: processor::number(),
    }
}
