//! What happens to a session on its way in and out.
//!
//! Both hooks fail closed: once a section asks for encryption, a session
//! leaves sealed or not at all, and comes in authenticated or empty.

use session_crypto_core::{OpenError, OpenSslRandom};

use crate::config::{DirRecord, Protection};
use crate::ffi::{Failed, Request, Session};
use crate::report;

/// Seals the session, before mod_session stores it.
pub(crate) fn encode<'r>(
    request: Request<'r>,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    // Of an empty session, mod_session makes the removal of a cookie.
    let Some(plaintext) = session.encoded() else {
        return Ok(());
    };
    let keys = match record.protection() {
        Ok(Protection::Clear) => return Ok(()),
        Ok(Protection::Keys(keys)) => keys,
        Ok(Protection::Refuse) => return Err(report::broken_record(request)),
        Err(error) => return Err(report::not_sealed(request, &error)),
    };
    let sealer = keys
        .sealer()
        .ok_or_else(|| report::broken_record(request))?;
    let token = sealer
        .seal(plaintext.to_bytes(), &mut OpenSslRandom, &session.pool())
        .map_err(|error| report::not_sealed(request, &error))?;
    session.set_encoded(token);
    Ok(())
}

/// Opens the token, before mod_session reads the session.
pub(crate) fn decode<'r>(
    request: Request<'r>,
    record: &DirRecord<'r>,
    session: &mut Session<'r>,
) -> Result<(), Failed> {
    let Some(token) = session.encoded() else {
        return Ok(());
    };
    let keys = match record.protection() {
        Ok(Protection::Clear) => return Ok(()),
        Ok(Protection::Keys(keys)) => keys,
        Ok(Protection::Refuse) => return Err(report::broken_record(request)),
        Err(error) => return Err(report::not_opened(request, &error)),
    };
    let sealer = keys
        .sealer()
        .ok_or_else(|| report::broken_record(request))?;
    match sealer.open(token.to_bytes(), &session.pool()) {
        Ok(opened) => {
            session.set_encoded(opened.session);
            if opened.stale {
                session.mark_dirty();
                report::stale(request);
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
