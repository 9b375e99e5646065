//! Births, lifetimes and ends of sessions.
//!
//! A session keeps its birth and its name in an entry of its own text. Hooks on both
//! sides of mod_session's own take it out after the session is read, and put it back
//! before it is written: nobody else reads the entry, and what others write under its
//! name does not count.

use session_crypto_core::{LibraryError, OpenSslRandom, SessionEntry};

use super::realms;
use crate::clock;
use crate::config::{DirConfig, Policy, Realm};
use crate::ffi::{Request, has_no_content};
use crate::state::State;

/// A session, with contents for each realm that asks for it.
pub(crate) type Session<'r> = crate::ffi::Session<'r, Realm, Life>;

/// What is known about the life of a session in the course of a request.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Life {
    /// The entry that the session came with, or that it has got.
    entry: Option<SessionEntry>,
    /// The session came with other entries.
    had_content: bool,
    /// Stands for the user that the session came with; 0 for none.
    user: u64,
    /// The session has ended since it was read, and is not saved again.
    pub(crate) is_over: bool,
}

/// The reason why a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It began too long ago.
    Lifetime,
    /// It began before the moment that the section names.
    NotBefore,
}

/// Takes the entry out of a session that mod_session has read.
///
/// # Errors
///
/// The session has ended.
pub(crate) fn read<'r>(
    request: Request<'r>,
    state: &State,
    config: &DirConfig<'_>,
    session: &mut Session<'r>,
) -> Result<(), End> {
    let entry = take_entry(session);
    if session.take_opened() {
        let policy = config.policy();
        if entry.is_some() || policy.is_in_force() {
            begin(request, state, policy, session, entry)?;
        }
    }
    if let Some(entry) = session.note().entry {
        realms::show_birth(request, entry.birth());
    }
    Ok(())
}

/// Judges a session that a token has brought, and notes what is known about it.
fn begin(
    request: Request<'_>,
    state: &State,
    policy: Policy<'_>,
    session: &mut Session<'_>,
    entry: Option<SessionEntry>,
) -> Result<(), End> {
    let now = request.time();
    let had_content = has_content(session);
    if !had_content {
        return Ok(());
    }
    if let Some(end) = end(policy, entry, now) {
        return Err(end);
    }
    let token = session.brought();
    let of_token = token.map(|token| SessionEntry::of_token(now, token.to_bytes()));
    let life = Life {
        entry: entry.or(of_token.filter(|_| policy.is_in_force())),
        had_content,
        user: user(state, policy, session),
        is_over: false,
    };
    session.set_note(life);
    // A session with an id would get another one, under which requests that run beside
    // this one do not find it.
    if entry.is_none() && !session.has_id() {
        session.mark_dirty();
    }
    Ok(())
}

/// Puts the entry into a session that mod_session is about to write.
///
/// # Errors
///
/// There are no random bytes for a name.
pub(crate) fn write<'r>(
    state: &State,
    config: &DirConfig<'_>,
    session: &mut Session<'r>,
) -> Result<(), LibraryError> {
    take_entry(session);
    let policy = config.policy();
    let mut life = session.note();
    if life.entry.is_none() && !policy.is_in_force() {
        return Ok(());
    }
    if !has_content(session) {
        life.entry = None;
        session.set_note(life);
        return Ok(());
    }
    let user = user(state, policy, session);
    let entry = match life.entry {
        Some(entry) if user == life.user => entry,
        _ => SessionEntry::begin(clock::now(), &mut OpenSslRandom)?,
    };
    life.entry = Some(entry);
    life.user = user;
    session.set_note(life);
    let pool = session.pool();
    let value = pool.text(&entry.value());
    if let Some(mut entries) = session.entries() {
        entries.set(SessionEntry::KEY, value);
    }
    Ok(())
}

/// Removes the entry from a session, and returns it if it is well-formed.
pub(crate) fn take_entry(session: &mut Session<'_>) -> Option<SessionEntry> {
    let mut entries = session.entries()?;
    let value = entries.get(SessionEntry::KEY)?;
    let entry = SessionEntry::parse(value.to_bytes());
    entries.remove(SessionEntry::KEY);
    entry
}

fn has_content(session: &mut Session<'_>) -> bool {
    session
        .entries()
        .is_some_and(|entries| !has_no_content(&entries))
}

/// The reason why a session has ended; a session without an entry begins now.
fn end(policy: Policy<'_>, entry: Option<SessionEntry>, now: u64) -> Option<End> {
    let birth = entry.map(|entry| entry.birth());
    let is_too_old = |date: u64| now >= date && birth.is_none_or(|birth| birth < date);
    let has_lived =
        |lifetime: u64| birth.is_some_and(|birth| now >= birth.saturating_add(lifetime));
    if policy.not_before.is_some_and(is_too_old) {
        return Some(End::NotBefore);
    }
    policy
        .lifetime
        .is_some_and(has_lived)
        .then_some(End::Lifetime)
}

/// Stands for the entries that name the session's user; 0 if there are none. Their order
/// does not count.
fn user(state: &State, policy: Policy<'_>, session: &mut Session<'_>) -> u64 {
    let Some(entries) = session.entries() else {
        return 0;
    };
    let entries = entries.entries();
    entries
        .filter(|(name, _)| policy.names_user(name))
        .map(|(name, value)| state.hash((name.to_bytes().to_ascii_lowercase(), value)))
        .fold(0, u64::wrapping_add)
}
