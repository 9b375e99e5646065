//! What happens to a session on its way in and out.
//!
//! Both hooks fail closed: once a section asks for encryption, a session
//! leaves sealed or not at all, and comes in authenticated or empty.

use session_crypto_core::{Call, Keyring, OpenError, Sealer};

use crate::config::{DirRecord, Held, Protection};
use crate::ffi::{Failed, Request, Session, processor};
use crate::report;

/// Seals the session, before mod_session stores it.
pub(crate) fn encode<'r>(
    request: Request<'r>,
    keyring: &'r Keyring,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    // Of an empty session, mod_session makes the removal of a cookie.
    let Some(plaintext) = session.encoded() else {
        return Ok(());
    };
    let held = Held::new();
    let Some(sealer) = sealer(request, keyring, *record, &held)? else {
        return Ok(());
    };
    let sealed = sealer
        .seal(plaintext.to_bytes(), call(request), &session.pool())
        .map_err(|error| report::not_sealed(request, &error))?;
    session.set_encoded(sealed.token);
    if sealed.derived {
        report::derived(request);
    }
    Ok(())
}

/// Opens the token, before mod_session reads the session.
pub(crate) fn decode<'r>(
    request: Request<'r>,
    keyring: &'r Keyring,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    let Some(token) = session.encoded() else {
        return Ok(());
    };
    let held = Held::new();
    let Some(sealer) = sealer(request, keyring, *record, &held)? else {
        return Ok(());
    };
    match sealer.open(token.to_bytes(), call(request), &session.pool()) {
        Ok(opened) => {
            session.set_encoded(opened.session);
            if opened.derived {
                report::derived(request);
            }
            if opened.stale {
                // One that is dirty gets another id, and the requests that
                // come beside this one would not find it any more.
                let saves = !session.has_id();
                if saves {
                    session.mark_dirty();
                }
                report::stale(request, saves);
            }
            Ok(())
        }
        // To the client there is no session; an error here would make
        // mod_session drop the one that a login is about to fill.
        Err(OpenError::Refused(refusal)) => {
            session.clear();
            report::refused(request, refusal);
            Ok(())
        }
        Err(OpenError::Library(error)) => Err(report::not_opened(request, &error)),
    }
}

/// What to seal and open with, if encryption was asked for at all.
fn sealer<'h>(
    request: Request<'_>,
    keyring: &'h Keyring,
    record: DirRecord<'h>,
    held: &'h Held,
) -> Result<Option<Sealer<'h>>, Failed> {
    match record.protection(keyring, held) {
        Protection::Clear => Ok(None),
        Protection::Refuse(reason) => Err(report::unusable(request, &reason)),
        Protection::Seal(sealer) => Ok(Some(sealer)),
    }
}

fn call(request: Request<'_>) -> Call {
    Call {
        now: request.time(),
        processor: processor::number(),
    }
}
