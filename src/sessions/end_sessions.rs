//! The handler that ends all sessions of a user: "sign out everywhere".
//!
//! A request ends the sessions of its own user. Where the section says so, it names a user
//! in a form, and ends the sessions of that one. The sessions are those under the keys of
//! the section, so another section with other keys keeps its own.

use std::collections::BTreeSet;
use std::ffi::CStr;

use session_crypto_core::{Ends, Now, Record, RecordId, Sealer, SiteHeaders, UserEntry, form};

use super::life::{Life, Session};
use super::not_ended::NotEnded;
use super::report;
use crate::clock;
use crate::config::{DirConfig, KeptSecrets, Policy, Protection, Realm};
use crate::ffi::{BodyError, Exchange, Request, Status, processor};
use crate::revocation::Revocation;
use crate::state::State;

/// The name of the handler, for `SetHandler`.
pub(crate) const HANDLER: &CStr = c"session-crypto-end-sessions";

/// The field of the form that names the user.
const USER: &[u8] = b"user";

/// The field of the form that names the entry which has the user's name.
const ENTRY: &[u8] = b"entry";

/// The most bytes of a form: a name of a user, and names of entries.
const MAX_FORM: usize = 8192;

/// The most entries of one session, or names of one form. Each makes a record for each key of
/// the section.
const MAX_USERS: usize = 16;

/// The most seconds by which an end may be in the future because of earlier ends.
const MAX_AHEAD: u64 = 60;

/// An entry that names a user: its name in lower case, and its value.
type User = (Vec<u8>, Vec<u8>);

/// Ends the sessions of a user, and answers whether it has.
pub(crate) fn handle<'r>(
    exchange: &mut Exchange<'r, Realm, Life>,
    state: &'r State,
    config: &DirConfig<'r>,
) -> Status {
    let request = exchange.request();
    match end(exchange, state, config) {
        Ok(records) => {
            report::ended_everywhere(request, records);
            Status::NoContent
        }
        Err(reason) => {
            report::not_ended(request, &reason);
            reason.status()
        }
    }
}

/// Ends the sessions of a user, and returns the number of records that this took.
fn end<'r>(
    exchange: &mut Exchange<'r, Realm, Life>,
    state: &'r State,
    config: &DirConfig<'r>,
) -> Result<usize, NotEnded> {
    let request = exchange.request();
    if request.has_origin() {
        return Err(NotEnded::LedTo);
    }
    if !request.is_post() {
        return Err(NotEnded::NotPost);
    }
    if !is_of_this_site(request) {
        return Err(NotEnded::OtherSite);
    }
    let revocation = state.revocation().ok_or(NotEnded::NoRevocation)?;
    let kept = KeptSecrets::default();
    let sealer = match config.protection(&state.keyring, &kept, request.time()) {
        Protection::Clear => return Err(NotEnded::NoEncryption),
        Protection::Refuse(reason) => return Err(NotEnded::Unusable(reason)),
        Protection::Seal(sealer) => sealer,
    };
    let policy = config.policy();
    let named = named(exchange, policy)?;
    let own = own(exchange, policy);
    let (users, is_own) = match named {
        Some(Named { user, entries }) => {
            let own = own.unwrap_or_default();
            let entries = match entries.is_empty() {
                true => usual_entries(request, policy, &own),
                false => entries,
            };
            let users = entries.into_iter().map(|entry| (entry, user.clone()));
            let users = BTreeSet::from_iter(users);
            let is_own = !own.is_disjoint(&users);
            (users, is_own)
        }
        None => (own?, true),
    };
    if users.len() > MAX_USERS {
        return Err(NotEnded::TooManyEntries);
    }
    let ids = ids(&sealer, request, &users)?;
    let session = exchange.session().filter(|_| is_own);
    let now = clock::now();
    // Another server may have begun the request's own session, and its clock be ahead.
    let birth = session.as_ref().and_then(|session| session.note().birth());
    let after = after_logins_of_this_second(revocation, &ids, now);
    let before = now.max(birth.unwrap_or_default()).max(after);
    for id in &ids {
        let record = Record {
            id: *id,
            ends: Ends::User,
            before,
            until: before.saturating_add(revocation.longest()),
        };
        revocation.revoke(&record, now);
    }
    if let Some(session) = session {
        session.clear();
    }
    Ok(ids.len())
}

/// The birth of sessions that began in this second, after the sessions of the user were ended
/// in the same second: it is later than that end.
fn after_logins_of_this_second(revocation: &Revocation, ids: &[RecordId], now: u64) -> u64 {
    let ends = ids.iter();
    let last = ends
        .filter_map(|id| revocation.table().ended_before(id, now))
        .max();
    let birth = last.map_or(0, |before| before.saturating_add(1));
    birth.min(now.saturating_add(MAX_AHEAD))
}

/// Whether a page of this host has sent the request, or no page at all.
fn is_of_this_site(request: Request<'_>) -> bool {
    let Some(headers) = request.headers_in() else {
        return false;
    };
    let header = |name| headers.get(name).map(CStr::to_bytes);
    let site = SiteHeaders {
        fetch_site: header(c"Sec-Fetch-Site"),
        origin: header(c"Origin"),
        host: header(c"Host"),
        is_encrypted: request.is_encrypted(),
    };
    site.is_same()
}

/// A user whom a form names, and the entries that have the name; none for the usual ones.
struct Named {
    user: Vec<u8>,
    entries: BTreeSet<Vec<u8>>,
}

/// Reads the form of a request, if it names a user.
fn named(
    exchange: &mut Exchange<'_, Realm, Life>,
    policy: Policy<'_>,
) -> Result<Option<Named>, NotEnded> {
    let body = exchange.body(MAX_FORM).map_err(|error| match error {
        BodyError::TooLong => NotEnded::LongForm,
        BodyError::Broken => NotEnded::BrokenForm,
    })?;
    let headers = exchange.request().headers_in();
    let content_type = headers.and_then(|headers| headers.get(c"Content-Type"));
    if !body.is_empty() && !content_type.is_some_and(|value| form::is_form(value.to_bytes())) {
        return Err(NotEnded::NoForm);
    }
    let fields = form::fields(&body).map_err(|_| NotEnded::BrokenForm)?;
    let (mut users, mut entries) = (Vec::new(), BTreeSet::new());
    for (name, value) in fields {
        if name == USER {
            users.push(value);
        } else if name == ENTRY {
            entries.insert(value.to_ascii_lowercase());
        }
    }
    let Some(user) = users.pop() else {
        return match entries.is_empty() {
            true => Ok(None),
            false => Err(NotEnded::NoUserInForm),
        };
    };
    if user.is_empty() || !users.is_empty() {
        return Err(NotEnded::NoUserInForm);
    }
    if !policy.ends_any {
        return Err(NotEnded::OwnOnly);
    }
    if !entries.iter().all(|entry| policy.is_user_entry(entry)) {
        return Err(NotEnded::NoUserEntry);
    }
    Ok(Some(Named { user, entries }))
}

/// The entries of the request's own session that name its user.
fn own(
    exchange: &mut Exchange<'_, Realm, Life>,
    policy: Policy<'_>,
) -> Result<BTreeSet<User>, NotEnded> {
    let session = exchange.session().ok_or(NotEnded::NoUser)?;
    if session.is_withheld() {
        return Err(NotEnded::Withheld);
    }
    let users = users_of(session, policy);
    if users.is_empty() {
        return Err(NotEnded::NoUser);
    }
    Ok(users)
}

fn users_of(session: &mut Session<'_>, policy: Policy<'_>) -> BTreeSet<User> {
    let Some(entries) = session.entries() else {
        return BTreeSet::new();
    };
    let users = entries
        .entries()
        .map(|(name, value)| (name.to_bytes(), value.to_bytes()))
        .filter(|(name, _)| policy.is_user_entry(name));
    users
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

/// The entries that may have the name of another user: those that the section names; or else
/// `user`, that of mod_auth_form in this section, and those of the request's own session.
fn usual_entries(
    request: Request<'_>,
    policy: Policy<'_>,
    own: &BTreeSet<User>,
) -> BTreeSet<Vec<u8>> {
    if let Some(entries) = policy.user_entries() {
        return entries.names().map(<[u8]>::to_ascii_lowercase).collect();
    }
    let own = own.iter().map(|(entry, _)| entry.clone());
    // mod_auth_form.c, set_session_auth
    let of_form = request.auth_name().map(|name| {
        let entry = [name.to_bytes(), b"-user"].concat();
        entry.to_ascii_lowercase()
    });
    own.chain(of_form).chain([USER.to_owned()]).collect()
}

/// The ids of users under the keys of a section.
fn ids(
    sealer: &Sealer<'_>,
    request: Request<'_>,
    users: &BTreeSet<User>,
) -> Result<Vec<RecordId>, NotEnded> {
    let now = Now {
        seconds: request.time(),
        processor: processor::number(),
    };
    let mut ids = Vec::new();
    for (name, value) in users {
        let user = UserEntry { name, value };
        let more = sealer.user_ids(user, now).map_err(NotEnded::NoId)?;
        ids.extend(more.into_iter().map(RecordId::of_user));
    }
    Ok(ids)
}
