//! A session on its way in and out.
//!
//! Both ways fail closed: once a section asks for encryption, a session leaves
//! sealed or not at all, and comes in authenticated or empty.

use session_crypto_core::{
    Cost, Now, OpenError, Opened, OpeningKey, Refusal, SealError, Text, is_sealed_value,
};

use super::life::{Life, Session};
use super::lifetimes::{self, End, Lifetimes, Unread};
use super::{device_judgement, device_offer, entry, long_cookies, realms, report};
use crate::config::{DirConfig, KeptSecrets, Protection};
use crate::ffi::{Failed, Request, processor};
use crate::state::State;

/// Completes a session, before mod_session makes a text of it.
pub(crate) fn encoding<'r>(
    request: Request<'r>,
    state: &State,
    config: &DirConfig<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    // A session that is not saved does not end the one that it would replace.
    if !config.has_secrets()
        || !session.is_entered()
        || session.is_withheld()
        || is_no_answer(request)
    {
        return Ok(());
    }
    match Lifetimes::new(request, state, config).write(session) {
        Ok(false) => Ok(()),
        Ok(true) => {
            report::ended_meanwhile(request, state.counters());
            Ok(())
        }
        Err(error) => Err(report::not_named(request, state.counters(), &error)),
    }
}

/// Seals the session, before mod_session stores it.
pub(crate) fn encode<'r>(
    request: Request<'r>,
    state: &'r State,
    config: &DirConfig<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    let outcome = seal(request, state, config, session);
    if outcome.is_err() {
        // The session must not stay in the record in clear.
        session.clear_encoded();
    }
    outcome
}

fn seal<'r>(
    request: Request<'r>,
    state: &'r State,
    config: &DirConfig<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    if !session.is_entered() {
        return Err(report::in_another_realm(request, state.counters()));
    }
    if session.is_withheld() || lifetimes::is_over(session) {
        // There is no need to seal it, because `is_to_be_saved` keeps it from the store.
        session.clear_encoded();
        return Ok(());
    }
    if let Some(device) = config.device().filter(|_| !is_no_answer(request)) {
        device_offer::remove_with(request, &device, session);
    }
    // mod_session turns an empty session into a cookie that deletes itself.
    let Some(plaintext) = session.encoded() else {
        return Ok(());
    };
    let (kept, now) = (KeptSecrets::default(), now(request));
    let sealer = match config.protection(&state.keyring, &kept, now.seconds) {
        Protection::Clear => {
            session.mark_encoded();
            return Ok(());
        }
        Protection::Refuse(reason) => {
            return Err(report::unusable(request, state.counters(), &reason));
        }
        Protection::Seal(sealer) => sealer,
    };
    let not_sealed = |error: SealError| report::not_sealed(request, state.counters(), &error);
    let text = match session.noted() {
        Some(Life {
            entry: Some(entry), ..
        }) => entry::behind(plaintext, entry, session.pool())
            .map_err(|error| not_sealed(error.into()))?,
        _ => plaintext.to_bytes(),
    };
    let sealed = sealer.seal(text, now, &session.pool());
    let sealed = sealed.map_err(not_sealed)?;
    session.set_token(sealed.token);
    long_cookies::note(request, sealed.token, text.len(), session.pool());
    if sealed.cost != Cost::None {
        report::derived(request);
    }
    if let Some(device) = config.device() {
        device_offer::offer(request, state, config, &device, (session, &sealer));
    }
    Ok(())
}

/// Opens the token, before mod_session reads the session.
///
/// Each outcome is a session that can be written to: that of the token, or an
/// empty one. An error would make mod_session drop the session that a login is
/// about to fill.
pub(crate) fn decode<'r>(
    request: Request<'r>,
    state: &'r State,
    config: &DirConfig<'r>,
    session: &mut Session<'r>,
) {
    session.enter();
    let Some(token) = session.encoded() else {
        return;
    };
    let (kept, now) = (KeptSecrets::default(), now(request));
    let sealer = match config.protection(&state.keyring, &kept, now.seconds) {
        Protection::Clear => return,
        Protection::Refuse(reason) => {
            report::unusable(request, state.counters(), &reason);
            session.clear_encoded();
            session.withhold();
            return;
        }
        Protection::Seal(sealer) => sealer,
    };
    let outcome = sealer.open(token.to_bytes(), now, &session.pool());
    match &outcome {
        // A value of a device is under the same keys, and is no session.
        Ok(opened) if is_sealed_value(opened.session.to_bytes()) => {
            refuse(request, state, session, Refusal::Purpose);
        }
        Ok(opened) => {
            accept(request, state, config, session, opened);
            if state.revocation().is_some() || config.has_policy() {
                let key = (opened.key, kept.generation());
                begin(session, opened.session, key);
            }
            session.mark_opened();
        }
        Err(OpenError::Refused(refusal)) => refuse(request, state, session, *refusal),
        Err(OpenError::Library(error)) => {
            session.clear_encoded();
            session.withhold();
            report::not_opened(request, state.counters(), error);
        }
    }
}

/// Leaves an empty session in place of a token.
#[cold]
fn refuse(request: Request<'_>, state: &State, session: &mut Session<'_>, refusal: Refusal) {
    let token = session.encoded().unwrap_or_default();
    session.clear_encoded();
    if refusal.may_open_elsewhere() {
        session.withhold();
    }
    report::refused(request, state.counters(), refusal, token.to_bytes());
}

/// Hands the session of a token to mod_session, and has a stale one saved again.
fn accept<'r>(
    request: Request<'r>,
    state: &State,
    config: &DirConfig<'r>,
    session: &mut Session<'r>,
    opened: &Opened<'r>,
) {
    session.set_text(opened.session);
    if opened.cost != Cost::None {
        report::derived(request);
    }
    if opened.stale {
        // A session with an id would get another one, under which requests that run
        // beside this one do not find it.
        let saves = !session.has_id();
        if saves {
            session.mark_dirty();
        }
        report::stale(
            request,
            state.counters(),
            saves,
            config.key_file().is_some(),
        );
    }
}

/// Begins the note on a session that a key has opened, and takes the entry off its text.
fn begin<'r>(session: &mut Session<'r>, text: Text<'r>, (key, generation): (OpeningKey, u64)) {
    let (text, entry) = match entry::split_off(session, text) {
        Some((rest, entry)) => (rest, Some(entry)),
        None => (text, None),
    };
    session.set_text(text);
    session.set_note(Life::begin(key, generation, entry));
}

/// Takes out what this module keeps in a session, and empties one that has ended.
pub(crate) fn decoded<'r>(
    request: Request<'r>,
    state: &State,
    config: &DirConfig<'r>,
    session: &mut Session<'r>,
) {
    if !config.has_secrets() {
        return;
    }
    match Lifetimes::new(request, state, config).read(session) {
        Ok(entry) => match (config.device(), entry) {
            (Some(device), Some(entry)) => {
                device_judgement::apply(request, state, config, &device, (session, entry));
            }
            (Some(_), None) => device_judgement::show_refused(request, session),
            (None, _) => (),
        },
        Err(Unread::Ended(end)) => {
            session.empty();
            if let (Some(device), End::Revoked) = (config.device(), end) {
                device_offer::remove(request, &device);
            }
            report::ended(request, state.counters(), end);
        }
        Err(Unread::NewsMissing) => {
            lifetimes::hide(session);
            report::news_are_missing(request, state.counters());
        }
        Err(Unread::Unknown(error)) => {
            session.empty();
            session.withhold();
            report::not_judged(request, state.counters(), &error);
        }
    }
}

/// Empties a session that has expired.
///
/// mod_session 2.4 would drop the session's record, with the entries that a login
/// writes there (PR 56052). 2.5 would move the record into the pool of the request
/// that asks, which may be a subrequest's.
pub(crate) fn expired(request: Request<'_>, state: &State, session: &mut Session<'_>) {
    session.empty();
    report::expired(request, state.counters());
}

/// Whether the stores may have a session. These are kept from them:
///
/// - an unchanged session in place of a token that this server could not open, and
///   that may be good;
/// - a session that has ended since it was read;
/// - a session without a user, in place of that of a user that was refused because of its
///   device, and that the browser is about to prove;
/// - the session of a subrequest of another realm, which mod_session saves where
///   includes are nested;
/// - the session of an error document that is an error itself.
pub(crate) fn is_to_be_saved(request: Request<'_>, session: &Session<'_>) -> bool {
    // `encode` has left no token of a session that is withheld.
    let is_withheld =
        session.encoded().is_none() && (session.is_withheld() || lifetimes::is_over(session));
    !is_withheld && !is_no_answer(request)
}

/// Whether a request is a subrequest of another realm, or an error document that is an
/// error itself.
fn is_no_answer(request: Request<'_>) -> bool {
    let is_of_another_realm = request.is_subrequest() && realms::comes_from_elsewhere(request);
    is_of_another_realm || realms::does_not_answer(request)
}

fn now(request: Request<'_>) -> Now {
    Now {
        seconds: request.time(),
        processor: processor::number(),
    }
}
