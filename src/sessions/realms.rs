//! How sessions stay in the realm that they belong to.
//!
//! httpd leads a request on to others: by internal redirects (`ErrorDocument`,
//! rewriting, a local `Location:`), and by subrequests (server-side includes,
//! candidates of `DirectoryIndex` and `MultiViews`). A realm must not use traces
//! that another realm has left on the way. `Session::enter` sees to the session's
//! record. The other traces are:
//!
//! - `HTTP_SESSION`, `SESSION_BEGAN` and `SESSION_DEVICE` of the environment, with `REDIRECT_` before them once for
//!   each redirect: handed on by redirects and to subrequests, and merged from both
//!   sides by `ap_internal_fast_redirect`; mod_include has a page and those that
//!   it includes share one environment;
//! - the header of `SessionHeader`: redirects share the headers that go with
//!   every answer (`err_headers_out`).

use std::ffi::CStr;

use session_crypto_core::SessionEntry;

use crate::config::Realm;
use crate::ffi::{Pool, Request, Table, session_header};
use crate::session_crypto::SessionCrypto;

/// The variable that mod_session puts the session into (mod_session.c,
/// HTTP_SESSION).
const VARIABLE: &CStr = c"HTTP_SESSION";

/// The prefix that a redirect gives to the name of a variable (http_request.c,
/// rename_original_env).
const REDIRECTED: &[u8] = b"REDIRECT_";

/// The note of the value that mod_session has put into the variable; empty if there
/// is none.
const SHOWN: &CStr = c"session-crypto-shown";

/// The value of `SESSION_DEVICE` for a session that does not come from its device.
pub(super) const REFUSED: &CStr = c"refused";

/// The note of a request whose session was refused because of its device.
const REFUSAL: &CStr = c"session-crypto-refusal";

/// A variable that tells applications about the session of a request.
pub(super) struct Shown {
    variable: &'static CStr,
    /// The note of its value.
    note: &'static CStr,
}

impl Shown {
    /// When the session began, in Unix seconds.
    const BIRTH: Self = Self {
        variable: c"SESSION_BEGAN",
        note: c"session-crypto-began",
    };

    /// Whether it comes from its device.
    pub(super) const DEVICE: Self = Self {
        variable: c"SESSION_DEVICE",
        note: c"session-crypto-device",
    };
}

/// The variables that show a session, and the notes of their values.
const SHOWN_VARIABLES: [(&CStr, &CStr); 3] = [
    (VARIABLE, SHOWN),
    (Shown::BIRTH.variable, Shown::BIRTH.note),
    (Shown::DEVICE.variable, Shown::DEVICE.note),
];

/// Tells applications when the session of a request began, in Unix seconds.
pub(crate) fn show_birth(request: Request<'_>, entry: &SessionEntry) {
    let is_shown = |environment: Table<'_>| environment.get(Shown::BIRTH.variable).is_some();
    let pool = request.pool();
    if let (false, Some(pool)) = (request.environment().is_some_and(is_shown), pool) {
        let birth = entry.birth_text(&pool).map(Pool::c_string);
        show(request, &Shown::BIRTH, birth.unwrap_or_default());
    }
}

/// Takes back what [`show_birth`] has told.
pub(crate) fn forget_birth(request: Request<'_>) {
    if let (Some(mut environment), Some(mut notes)) = (request.environment(), request.notes()) {
        environment.remove(Shown::BIRTH.variable);
        notes.set(Shown::BIRTH.note, c"");
    }
}

/// Tells applications that the session was refused because of its device, and takes back what
/// they were told in requests that led to this one.
pub(super) fn show_refusal(request: Request<'_>) {
    forget_environment(request);
    if let Some(mut notes) = request.notes() {
        notes.set(Shown::BIRTH.note, c"");
        notes.set(REFUSAL, REFUSED);
    }
    show(request, &Shown::DEVICE, REFUSED);
}

/// Whether the session was refused in this request, or in a subrequest that has become its
/// answer.
fn is_refused(request: Request<'_>) -> bool {
    let notes = request.notes();
    notes.is_some_and(|notes| notes.get(REFUSAL).is_some())
}

/// Tells applications a value.
pub(super) fn show<'r>(request: Request<'r>, shown: &Shown, value: &'r CStr) {
    if let (Some(mut environment), Some(mut notes)) = (request.environment(), request.notes()) {
        environment.set(shown.variable, value);
        notes.set(shown.note, value);
    }
}

/// Hides the session of other requests before httpd looks for the sections of this
/// one: a `.htaccess` file among them may read the variable (`<If>`).
pub(crate) fn before_sections(request: Request<'_>) {
    if !request.has_origin() {
        return;
    }
    let Some(mut environment) = request.environment() else {
        return;
    };
    let shown: Vec<_> = environment
        .entries()
        .filter(|(name, _)| shows_session(name))
        .collect();
    if shown.is_empty() {
        return;
    }
    let Some(mut hidden) = request.hiding_place::<SessionCrypto>() else {
        return forget_environment(request);
    };
    for (name, value) in shown {
        environment.remove(name);
        // Other modules read the first of several values.
        if hidden.get(name).is_none() {
            hidden.set(name, value);
        }
    }
}

/// Puts the hidden session back if it is of the request's own realm.
pub(crate) fn sections_are_known(request: Request<'_>) {
    let Some(mut hidden) = request.hidden::<SessionCrypto>() else {
        return;
    };
    if !comes_from_elsewhere(request) {
        if let Some(mut environment) = request.environment() {
            for (name, value) in hidden.entries() {
                environment.set(name, value);
            }
        }
    }
    hidden.clear();
}

/// Removes the session of other realms, before modules put that of this request in
/// its place.
pub(crate) fn before_fixups(request: Request<'_>) {
    if comes_from_elsewhere(request) {
        forget_environment(request);
        forget_header(request);
    }
}

/// Notes the value that mod_session has put into the environment.
///
/// A subrequest notes the lack of one, too: it may become its request's answer, and
/// its notes come along.
pub(crate) fn environment_is_set(request: Request<'_>) {
    let shown = request
        .environment()
        .and_then(|environment| environment.get(VARIABLE));
    if shown.is_none() && !request.is_subrequest() {
        return;
    }
    if let Some(mut notes) = request.notes() {
        notes.set(SHOWN, shown.unwrap_or_default());
        if notes.get(Shown::BIRTH.note).is_none() {
            notes.set(Shown::BIRTH.note, c"");
        }
        if request.is_subrequest() && notes.get(Shown::DEVICE.note).is_none() {
            notes.set(Shown::DEVICE.note, c"");
        }
    }
    hide_from_others(request);
}

/// Mends the environment where a subrequest of another realm, or one that refuses the session,
/// has become the answer meanwhile: it has the variables of both.
pub(crate) fn redirects_are_done(request: Request<'_>) {
    if has_moved(request) {
        forget_environment(request);
        forget_header(request);
        show_again(request);
    } else if is_refused(request) {
        show_refusal(request);
    }
}

/// Mends the environment once more after all fixups, and hides it from a request of
/// another realm.
pub(crate) fn after_fixups(request: Request<'_>) {
    redirects_are_done(request);
    hide_from_others(request);
}

/// Hides the session of a subrequest from its request, if that is of another realm.
///
/// mod_rewrite reads the variables of a subrequest for `%{LA-U:ENV:HTTP_SESSION}`,
/// even if a later fixup ends in an error.
fn hide_from_others(request: Request<'_>) {
    if request.is_subrequest() && comes_from_elsewhere(request) {
        forget_environment(request);
    }
}

/// Puts back the value that mod_session has put into the environment.
fn show_again(request: Request<'_>) {
    let Some(mut notes) = request.notes() else {
        return;
    };
    for (variable, note) in SHOWN_VARIABLES {
        let shown = notes.get(note).unwrap_or_default();
        // The notes may have the value of an earlier request as well, which this
        // replaces.
        notes.set(note, shown);
        if let (false, Some(mut environment)) = (shown.is_empty(), request.environment()) {
            environment.set(variable, shown);
        }
    }
}

/// Separates the environment of a page from that of a page that includes it, if that is of
/// another realm or has a session that this one refuses, and lets it see its own session again.
pub(crate) fn before_answer(request: Request<'_>) {
    if request.is_subrequest() && (comes_from_elsewhere(request) || is_refused(request)) {
        request.stand_alone();
        show_again(request);
    }
}

/// Removes the session header of another realm from an answer that did not get as
/// far as its fixups, or that replaces the answer of a request it was redirected to.
pub(crate) fn before_error(request: Request<'_>) {
    for dropped in request.redirects() {
        dropped.drop_answer::<SessionCrypto>();
    }
    let realm = realm_of(request);
    let is_new = !request.is_noted::<SessionCrypto>();
    let mut redirects = request.redirects();
    if (is_new && comes_from_elsewhere(request)) || redirects.any(|other| differs(other, realm)) {
        forget_header(request);
    }
}

fn realm_of(request: Request<'_>) -> Realm {
    request.config::<SessionCrypto>().realm()
}

/// Whether an earlier request answers instead, because this one is an error document
/// that was itself an error (http_request.c, ap_die_r).
///
/// mod_session saves the sessions of both, and the client keeps the last one.
pub(crate) fn does_not_answer(request: Request<'_>) -> bool {
    request.is_dropped::<SessionCrypto>()
}

/// Whether a request that led to this one is, or was, in another realm.
pub(crate) fn comes_from_elsewhere(request: Request<'_>) -> bool {
    // Most requests have no origin.
    if !request.has_origin() {
        return false;
    }
    let realm = realm_of(request);
    request.origins().any(|origin| differs(origin, realm))
}

fn differs(request: Request<'_>, realm: Realm) -> bool {
    let former = request.former_config::<SessionCrypto>();
    realm_of(request) != realm || former.is_some_and(|former| former.realm() != realm)
}

/// Whether the request has moved into another realm since its fixups began.
fn has_moved(request: Request<'_>) -> bool {
    let former = request.former_config::<SessionCrypto>();
    former.is_some_and(|former| former.realm() != realm_of(request))
}

fn forget_environment(request: Request<'_>) {
    if let Some(mut environment) = request.environment() {
        let foreign: Vec<_> = environment
            .entries()
            .map(|(name, _)| name)
            .filter(|name| shows_session(name))
            .collect();
        for name in foreign {
            environment.remove(name);
        }
    }
}

/// Whether a variable has the session, however often its request was redirected.
fn shows_session(name: &CStr) -> bool {
    let mut name = name.to_bytes();
    while let Some(rest) = name.strip_prefix(REDIRECTED) {
        name = rest;
    }
    let mut variables = SHOWN_VARIABLES.iter();
    variables.any(|(variable, _)| name.eq_ignore_ascii_case(variable.to_bytes()))
}

fn forget_header(request: Request<'_>) {
    if let Some(header) = session_header(request) {
        request
            .headers_out()
            .for_each(|mut headers: Table<'_>| headers.remove(header));
    }
}
