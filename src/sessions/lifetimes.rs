//! Births, lifetimes and ends of sessions.
//!
//! A session keeps its birth and its name in an entry of its own text. Hooks on both
//! sides of mod_session's own take it out before the session is handed on, and put it back
//! after it is written: nobody else reads the entry, and what others write under its
//! name does not count.

use std::ffi::CStr;
use std::hash::{Hash, Hasher};

use session_crypto_core::{
    Ends, OpenSslRandom, Record, RecordId, SessionEntry, SessionUsers, Standing, UserIdError,
};

use super::life::{Life, Session};
use super::users::Users;
use super::{entry, realms};
use crate::clock;
use crate::config::{DEFAULT_LIFETIME, DirConfig, Policy};
use crate::ffi::{Request, has_no_content};
use crate::revocation::Revocation;
use crate::state::State;

/// The most seconds by which the clock of another server may be ahead.
const MOST_AHEAD: u64 = 86_400;

/// The reason why a session has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// It began too long ago.
    Lifetime,
    /// It began before the moment that the section names.
    NotBefore,
    /// It began in the future, or so it says.
    Future,
    /// It is in the list of ended sessions, or its user is.
    Revoked,
}

/// The reason why a session that was opened is not handed on.
pub(crate) enum Unread {
    /// It has ended.
    Ended(End),
    /// This host cannot tell whether it has.
    Unknown(UserIdError),
    /// Other servers may have ended it, and their news are missing.
    NewsMissing,
}

/// A section, and what ends the sessions in it.
pub(super) struct Lifetimes<'a, 'r> {
    request: Request<'r>,
    state: &'a State,
    config: &'a DirConfig<'r>,
    policy: Policy<'r>,
    revocation: Option<&'a Revocation>,
}

impl<'a, 'r> Lifetimes<'a, 'r> {
    pub(super) fn new(request: Request<'r>, state: &'a State, config: &'a DirConfig<'r>) -> Self {
        let mut policy = config.policy();
        let revocation = state.revocation();
        if let Some(revocation) = revocation {
            // The list forgets sessions that no section would accept any more.
            let lifetime = policy.lifetime.unwrap_or(DEFAULT_LIFETIME);
            policy.lifetime = Some(lifetime.min(revocation.longest()));
        }
        Self {
            request,
            state,
            config,
            policy,
            revocation,
        }
    }

    /// Takes the entry out of a session that mod_session has read, and returns it, unless a
    /// login in this request begins another session.
    ///
    /// # Errors
    ///
    /// The session has ended, or nobody can tell.
    pub(super) fn read(&self, session: &mut Session<'r>) -> Result<Option<SessionEntry>, Unread> {
        let found = entry::take(session);
        let entry = found.or_else(|| session.noted()?.entry);
        if session.take_opened() && (entry.is_some() || self.policy.is_in_force()) {
            self.begin(session, entry)?;
            let is_missing = |list: &Revocation| list.is_missing_news(self.request.time());
            if self.revocation.is_some_and(is_missing) {
                return Err(Unread::NewsMissing);
            }
        }
        let life = session.note();
        let Some(entry) = life.entry else {
            return Ok(None);
        };
        // A login in this request begins another session, once that is saved.
        if session.is_dirty() && self.user(session) != life.user {
            realms::forget_birth(self.request);
            return Ok(None);
        }
        realms::show_birth(self.request, &entry);
        Ok(Some(entry))
    }

    /// Judges a session that a token has brought, and notes what is known about it.
    fn begin(&self, session: &mut Session<'r>, entry: Option<SessionEntry>) -> Result<(), Unread> {
        let now = self.request.time();
        if !has_content(session) {
            session.set_note(Life::default());
            return Ok(());
        }
        if let Some(end) = self.end(entry, now) {
            return Err(Unread::Ended(end));
        }
        let token = session.brought().filter(|_| self.policy.is_in_force());
        let of_token = || token.map(|token| SessionEntry::of_token(now, token.to_bytes()));
        let mut life = Life {
            entry: entry.or_else(of_token),
            is_birth_unknown: entry.is_none(),
            had_content: true,
            user: self.user(session),
            ..session.note()
        };
        if self
            .is_revoked(session, &mut life)
            .map_err(Unread::Unknown)?
        {
            return Err(Unread::Ended(End::Revoked));
        }
        session.set_note(life);
        // A session with an id would get another one, under which requests that run
        // beside this one do not find it.
        if entry.is_none() && !session.has_id() {
            session.mark_dirty();
        }
        Ok(())
    }

    /// Whether a session that a request does not bring may go on.
    ///
    /// # Errors
    ///
    /// Its user has no id.
    pub(super) fn standing(
        &self,
        entry: &SessionEntry,
        users: &SessionUsers,
    ) -> Result<Standing, UserIdError> {
        let now = self.request.time();
        if self.end(Some(*entry), now).is_some() {
            return Ok(Standing::Ended);
        }
        let Some(revocation) = self.revocation else {
            return Ok(Standing::Alive);
        };
        let id = RecordId::of_session(entry.name());
        if self.ended_before(&[id], revocation).is_some() {
            return Ok(Standing::Ended);
        }
        if revocation.table().has_users() {
            let ids = self.users().ids_of_entries(users.entries(), None)?;
            let before = self.ended_before(&ids, revocation);
            if before.is_some_and(|before| entry.birth() <= before) {
                return Ok(Standing::Ended);
            }
        }
        Ok(match revocation.is_missing_news(now) {
            true => Standing::Unknown,
            false => Standing::Alive,
        })
    }

    /// The seconds until a session ends by its age; `None` if it does not.
    pub(super) fn rest(&self, entry: &SessionEntry) -> Option<u64> {
        let end = entry.birth().saturating_add(self.policy.lifetime?);
        Some(end.saturating_sub(self.request.time()))
    }

    /// Notes the entry of a session that mod_session is about to write; answers whether it
    /// has ended in the meantime, and must not be saved.
    ///
    /// # Errors
    ///
    /// There is no name for a new session, or nobody can tell whether it has ended.
    pub(super) fn write(&self, session: &mut Session<'r>) -> Result<bool, UserIdError> {
        entry::remove(session);
        let mut life = session.note();
        if life.entry.is_none() && !self.policy.is_in_force() {
            return Ok(false);
        }
        let has_content = has_content(session);
        let user = if has_content { self.user(session) } else { 0 };
        let is_same = has_content && !life.is_hidden && user == life.user;
        let same = life.entry.filter(|_| is_same);
        life.is_over = match same {
            Some(_) => self.is_revoked(session, &mut life)?,
            None => false,
        };
        if same.is_none() {
            self.revoke_former(&life, has_content);
            (life.id, life.user_id) = (None, None);
            life.is_birth_unknown = false;
            life.entry = if has_content {
                Some(self.new_entry(session)?)
            } else {
                None
            };
        }
        // A session is saved once, but its contents may be asked for later.
        life.is_kept_back = life.is_to_come_back && has_content && user == 0;
        life.is_new = same.is_none() && has_content;
        life.user = user;
        life.had_content = has_content;
        life.is_hidden = false;
        session.set_note(life);
        Ok(life.is_over)
    }

    /// Ends the session that a logout or another login replaces.
    fn revoke_former(&self, life: &Life, has_content: bool) {
        let is_logout = life.had_content && (!has_content || life.user != 0);
        if let (true, Some(revocation), Some(entry)) = (is_logout, self.revocation, life.entry) {
            let record = Record {
                id: RecordId::of_session(entry.name()),
                ends: Ends::Session,
                before: entry.birth(),
                until: entry.birth().saturating_add(revocation.longest()),
            };
            revocation.revoke(&record, clock::now());
        }
    }

    /// Begins a session now, or after the moment until which the sessions of its user were
    /// ended: the clock of another server may be ahead.
    fn new_entry(&self, session: &mut Session<'r>) -> Result<SessionEntry, UserIdError> {
        let mut birth = clock::now();
        if let Some(revocation) = self.revocation.filter(|list| list.table().has_users()) {
            let ids = self.users().ids(session, None)?;
            let before = self.ended_before(&ids, revocation);
            birth = birth.max(before.map_or(0, |before| before.saturating_add(1)));
        }
        Ok(SessionEntry::begin(birth, &mut OpenSslRandom)?)
    }

    /// Whether a session, or all sessions of its user, are in the list of ended ones.
    fn is_revoked(&self, session: &mut Session<'r>, life: &mut Life) -> Result<bool, UserIdError> {
        let (Some(revocation), Some(entry)) = (self.revocation, life.entry) else {
            return Ok(false);
        };
        // A session is looked up when it is read and when it is written.
        let new_id = || RecordId::of_session(entry.name());
        let id = life.id.get_or_insert_with(new_id);
        if self.ended_before(&[*id], revocation).is_some() {
            return Ok(true);
        }
        if life.user == 0 || !revocation.table().has_users() {
            return Ok(false);
        }
        let before = match life.user_id {
            Some(id) => self.ended_before(&[id], revocation),
            None => {
                let key = life.key.map(|key| (key, life.generation));
                let ids = self.users().ids(session, key)?;
                if let [id] = *ids {
                    life.user_id = Some(id);
                }
                self.ended_before(&ids, revocation)
            }
        };
        Ok(before.is_some_and(|before| entry.birth() <= before))
    }

    /// The birth up to which sessions with any of these ids are ended.
    fn ended_before(&self, ids: &[RecordId], revocation: &Revocation) -> Option<u64> {
        let now = self.request.time();
        let ended = |id| revocation.table().ended_before(id, now);
        ids.iter().filter_map(ended).max()
    }

    fn users(&self) -> Users<'a, 'r> {
        Users {
            request: self.request,
            state: self.state,
            config: self.config,
            policy: self.policy,
        }
    }

    /// The reason why a session has ended by its age; a session without an entry begins
    /// now.
    fn end(&self, entry: Option<SessionEntry>, now: u64) -> Option<End> {
        let birth = entry.map(|entry| entry.birth());
        let date = self.policy.not_before.and_then(|dates| dates.latest(now));
        if date.is_some_and(|date| birth.is_none_or(|birth| birth < date)) {
            return Some(End::NotBefore);
        }
        // A session that is not born yet would outlive each lifetime and each date.
        if birth? > now.saturating_add(MOST_AHEAD) {
            return Some(End::Future);
        }
        let lifetime = self.policy.lifetime?;
        let end = birth?.saturating_add(lifetime);
        (now >= end).then_some(End::Lifetime)
    }

    /// Stands for the entries that name the session's user; 0 if there are none. Their
    /// order does not count.
    fn user(&self, session: &mut Session<'r>) -> u64 {
        let Some(entries) = session.entries() else {
            return 0;
        };
        let entries = entries.entries();
        entries
            .filter(|(name, _)| self.policy.names_user(name))
            .map(|(name, value)| self.state.hash((IgnoringCase(name), value)).max(1))
            .fold(0, u64::wrapping_add)
    }
}

/// A name whose case does not count.
struct IgnoringCase<'n>(&'n CStr);

impl Hash for IgnoringCase<'_> {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        let mut room = [0; 32];
        for part in self.0.to_bytes_with_nul().chunks(room.len()) {
            let (lower, _) = room.split_at_mut(part.len());
            lower.copy_from_slice(part);
            lower.make_ascii_lowercase();
            hasher.write(lower);
        }
    }
}

/// Makes a session an empty one that does not replace its token, and that a logout ends all
/// the same.
pub(super) fn hide(session: &mut Session<'_>) {
    let life = session.note();
    session.empty();
    session.withhold();
    session.set_note(Life {
        is_hidden: true,
        ..life
    });
}

/// Whether a session is not stored: it has ended since it was read, or it would take the
/// place of one that was refused because of its device, and that comes back.
pub(super) fn is_over(session: &Session<'_>) -> bool {
    let life = session.noted();
    life.is_some_and(|life| life.is_over || life.is_kept_back)
}

fn has_content(session: &mut Session<'_>) -> bool {
    let entries = session.entries();
    entries.is_some_and(|entries| !has_no_content(&entries))
}
