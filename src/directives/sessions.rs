//! The ends of sessions, and their users.

use std::ffi::CStr;

use session_crypto_core::times;

use crate::advice;
use crate::config::{DirConfig, EndSessionsFor};
use crate::ffi::Parms;
use crate::message::Message;
use crate::state::State;

pub(super) fn max_lifetime<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_string_lossy();
        let seconds = times::lifetime(&text).map_err(|error| advice::lifetime(&text, error))?;
        config.set_lifetime(parms, seconds);
    }
    Ok(())
}

pub(super) fn not_before<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let text = word.to_string_lossy();
        let moment = times::date(&text).map_err(|error| advice::date(&text, error))?;
        config.add_not_before(parms, moment);
    }
    Ok(())
}

pub(super) fn user_entry<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    if words.iter().any(|word| word.is_empty()) {
        return Err(advice::empty_user_entry());
    }
    config.add_user_entries(parms, words);
    Ok(())
}

pub(super) fn end_sessions_for<'p>(
    parms: &Parms<'p>,
    _: &'p State,
    config: &mut DirConfig<'p>,
    words: &[&CStr],
) -> Result<(), Message> {
    for word in words {
        let word = word.to_string_lossy();
        let value = EndSessionsFor::parse(&word).ok_or_else(|| advice::own_or_any(&word))?;
        config.set_end_sessions_for(parms.pool(), value, parms.line());
    }
    Ok(())
}
