//! Whether a session's cookie goes where the cookie of its device goes.
//!
//! mod_session_cookie and mod_session_dbd keep their settings to themselves, so these are
//! read from the configuration as it was written.

use session_crypto_core::{DeviceCookie, DevicePath, SameSite};

use super::chains::chains;
use super::{cookie, device_handler};
use crate::ffi::config_tree::{self, Node};
use crate::ffi::{self, Inherit, Server, for_each_written_server};
use crate::message::{Code, Message};

const DOMAIN: Code = Code("SC0925");
const SAME_SITE: Code = Code("SC0926");
const SAME_NAME: Code = Code("SC0927");
const TWO_SESSIONS: Code = Code("SC0929");
const PER_USER: Code = Code("SC0930");
const REMOVED: Code = Code("SC0931");
const OTHER_PATH: Code = Code("SC0932");
const NEVER_MET: Code = Code("SC0935");

/// The first version of httpd that looks for the cookie of a session again when it saves the
/// session.
const LOOKS_AGAIN: [i32; 3] = [2, 4, 69];

/// Lines in force in a section.
#[derive(Clone, Copy, Default)]
struct CookieLines<'c> {
    /// `SessionCryptoDevice`
    device: Option<Node<'c>>,
    /// `SessionCryptoDevicePath`
    device_path: Option<Node<'c>>,
    /// `SessionCryptoDeviceCookie`
    device_cookie: Option<Node<'c>>,
    /// `SessionCookieName`
    cookie: Option<Node<'c>>,
    /// `SessionDBDCookieName`
    database_cookie: Option<Node<'c>>,
    /// `SessionDBDPerUser`
    per_user: Option<Node<'c>>,
    /// `SessionCookieRemove`
    removal: Option<Node<'c>>,
    /// `SetHandler`
    handler: Option<Node<'c>>,
    /// `Require session-device`, in the innermost section alone
    requirement: Option<Node<'c>>,
}

/// Checks the cookies of the configuration that was read last.
///
/// # Errors
///
/// Browsers would send a session without the cookie of its device.
pub(super) fn check() -> Result<(), Message> {
    config_tree::with_nodes(|nodes| {
        let mut first = Ok(());
        for_each_written_server(nodes, CookieLines::read, |server| {
            if first.is_ok() && !server.stands_behind {
                first = check_server(server);
            }
        });
        first
    })
}

fn check_server(server: &Server<'_, CookieLines<'_>>) -> Result<(), Message> {
    let mut known: Vec<(DeviceCookie, &str, Node<'_>)> = Vec::new();
    for (innermost, chain) in chains(server) {
        let lines = server.config_of(&chain);
        // A request may be in another section as well, which binds its session.
        let may_bind = |innermost| {
            let mut others = server.others(&chain, innermost);
            others.any(|other| other.device.is_some())
        };
        if let Some(node) = lines.requirement {
            if lines.bound_cookie().is_none() && !innermost.is_some_and(may_bind) {
                return Err(never_met(node));
            }
        }
        let Some(bound) = lines.bound_cookie().filter(|_| server.has_sessions(&chain)) else {
            continue;
        };
        // The endpoints read no session.
        if lines.handler.is_some_and(device_handler::is_handler) {
            continue;
        }
        lines.per_user.map_or(Ok(()), check_per_user)?;
        let removal = lines.removal.filter(|_| lines.cookie.is_some());
        removal.map_or(Ok(()), check_removal)?;
        for (directive, line) in [
            ("SessionCookieName", lines.cookie),
            ("SessionDBDCookieName", lines.database_cookie),
        ] {
            let Some(line) = line else {
                continue;
            };
            compare(directive, line, &bound)?;
            if may_leave(server, &chain, bound.path()) {
                compare_paths(directive, line, &bound)?;
            }
            let is_same =
                |(other, name, _): &&(DeviceCookie, &str, _)| *other == bound && *name == directive;
            match known.iter().find(is_same) {
                Some((.., other)) => compare_sessions(directive, line, *other, &bound)?,
                None => known.push((bound.clone(), directive, line)),
            }
        }
    }
    Ok(())
}

/// Refuses sessions whose cookie is gone when they are saved with their device.
fn check_removal(node: Node<'_>) -> Result<(), Message> {
    let version = ffi::httpd_version();
    if !is_on(node) || version < LOOKS_AGAIN {
        return Ok(());
    }
    let (line, version) = (node.line(), version.map(|number| number.to_string()));
    Err(REMOVED.says(format!(
        "{line}: SessionCookieRemove: httpd {} does not find a session again whose cookie it has \
         taken off the request, and no session would be saved with its device: write \
         'SessionCookieRemove Off', or 'SessionCryptoDevice off'",
        version.join(".")
    )))
}

/// Whether a line demands a bound session.
fn is_about_devices(node: Node<'_>) -> bool {
    let word = node.words().next().unwrap_or_default();
    word.eq_ignore_ascii_case(b"session-device")
}

/// The message about a demand for bound sessions where none is bound.
fn never_met(node: Node<'_>) -> Message {
    let line = node.line();
    NEVER_MET.says(format!(
        "{line}: Require session-device bound lets nobody in, because no session is bound here: \
         write 'SessionCryptoDevice enforce' in this section or around it, or take the line out"
    ))
}

fn is_on(node: Node<'_>) -> bool {
    let word = node.words().next().unwrap_or_default();
    word.eq_ignore_ascii_case(b"on")
}

/// Refuses sessions that all browsers of a user have in common.
fn check_per_user(node: Node<'_>) -> Result<(), Message> {
    if !is_on(node) {
        return Ok(());
    }
    let line = node.line();
    Err(PER_USER.says(format!(
        "{line}: SessionDBDPerUser: all browsers of a user have one session, which would be bound \
         to the device of the first, and refused to the others: write 'SessionDBDPerUser Off', or \
         'SessionCryptoDevice off'"
    )))
}

/// Whether requests in a chain of sections may be for paths outside of this one, as far as the
/// sections have paths of URLs.
fn may_leave(server: &Server<'_, CookieLines<'_>>, chain: &[usize], path: &str) -> bool {
    let sections = chain.iter().filter_map(|index| server.sections.get(*index));
    let is_outside = |location: &[u8]| !is_below(location, path);
    let mut locations = sections.map(|section| section.location());
    locations.all(|location| location.is_some_and(is_outside))
}

/// Refuses a session that goes to more paths than the cookie of its device.
fn compare_paths(directive: &str, node: Node<'_>, bound: &DeviceCookie) -> Result<(), Message> {
    // Where a line names no path, it follows from the request that begins the session.
    let path = cookie::attribute(node, "Path").filter(|path| path.starts_with('/'));
    let Some(path) = path.filter(|path| !is_below(path.as_bytes(), bound.path())) else {
        return Ok(());
    };
    let (line, other) = (node.line(), bound.path());
    Err(OTHER_PATH.says(format!(
        "{line}: {directive}: browsers send the session to all of {path}, and the cookie of its \
         device only to {other}, so that the session is refused elsewhere: write 'path={other}' \
         here, or Path={path} in SessionCryptoDeviceCookie"
    )))
}

/// Whether browsers send a cookie of the outer path to all of the inner one (RFC 6265,
/// section 5.1.4).
fn is_below(inner: &[u8], outer: &str) -> bool {
    let rest = inner.strip_prefix(outer.as_bytes());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/") || outer.ends_with('/'))
}

/// Refuses a second cookie of sessions beside one bound cookie.
fn compare_sessions(
    directive: &str,
    node: Node<'_>,
    other: Node<'_>,
    bound: &DeviceCookie,
) -> Result<(), Message> {
    let path = |node| cookie::attribute(node, "Path");
    if cookie::name(node) == cookie::name(other) && path(node) == path(other) {
        return Ok(());
    }
    let (line, other, name) = (node.line(), other.line(), &bound.bound);
    Err(TWO_SESSIONS.says(format!(
        "{line}: {directive}: a browser has one device cookie {name} for this session and for the one \
         {other}, and each login would take the device from the other session: write the same \
         {directive} in both, or SessionCryptoDevicePath in one of them, with its endpoints"
    )))
}

/// Compares the cookie of a session with the bound cookie.
fn compare(directive: &str, node: Node<'_>, bound: &DeviceCookie) -> Result<(), Message> {
    let line = node.line();
    let name = String::from_utf8_lossy(cookie::name(node));
    if [&*bound.bound, &*bound.key].contains(&&*name) {
        return Err(SAME_NAME.says(format!(
            "{line}: {directive}: a cookie of the device has the name {name} as well: write another \
             one"
        )));
    }
    if cookie::attribute(node, "Domain").is_some() {
        return Err(DOMAIN.says(format!(
            "{line}: {directive}: browsers prove their device to one host, and the other hosts of \
             this Domain would refuse the sessions: take Domain out, or write \
             'SessionCryptoDevice off'"
        )));
    }
    // Browsers take a cookie without the attribute for a lax one.
    let same_site = cookie::attribute(node, "SameSite");
    let same_site = same_site.and_then(|value| SameSite::parse(&value));
    let same_site = same_site.unwrap_or(SameSite::Lax);
    if same_site > bound.same_site {
        let (own, other) = (same_site.text(), bound.same_site.text());
        return Err(SAME_SITE.says(format!(
            "{line}: {directive}: with SameSite={own}, browsers send the session to this server \
             without the cookie of its device, which has SameSite={other}, and it is refused: \
             write SameSite={other} here, or 'SessionCryptoDeviceCookie NAME \"Path=/; Secure; \
             HttpOnly; SameSite={own}\"'"
        )));
    }
    Ok(())
}

impl<'c> CookieLines<'c> {
    fn read(&mut self, node: Node<'c>) {
        let slot = if node.is("SessionCryptoDevice") {
            &mut self.device
        } else if node.is("SessionCryptoDevicePath") {
            &mut self.device_path
        } else if node.is("SessionCryptoDeviceCookie") {
            &mut self.device_cookie
        } else if node.is("SessionCookieName") {
            &mut self.cookie
        } else if node.is("SessionDBDCookieName") {
            &mut self.database_cookie
        } else if node.is("SessionDBDPerUser") {
            &mut self.per_user
        } else if node.is("SessionCookieRemove") {
            &mut self.removal
        } else if node.is("SetHandler") {
            &mut self.handler
        } else if node.is("Require") && is_about_devices(node) {
            &mut self.requirement
        } else {
            return;
        };
        *slot = Some(node);
    }

    /// The bound cookie; `None` if sessions are not bound.
    fn bound_cookie(&self) -> Option<DeviceCookie> {
        let word = |node: Node<'_>, index| {
            let word = node.words().nth(index)?;
            Some(String::from_utf8_lossy(&word).into_owned())
        };
        let mode = word(self.device?, 0)?;
        if mode.eq_ignore_ascii_case("off") {
            return None;
        }
        if let Some(node) = self.device_cookie {
            let attributes = word(node, 1);
            let attributes = attributes
                .as_deref()
                .unwrap_or(DeviceCookie::DEFAULT_ATTRIBUTES);
            return DeviceCookie::new(&word(node, 0)?, attributes).ok();
        }
        let path = self.device_path.and_then(|node| word(node, 0));
        let path = DevicePath::new(path.as_deref().unwrap_or(DevicePath::DEFAULT));
        path.map(|path| path.cookie)
    }
}

impl Inherit for CookieLines<'_> {
    fn merge(base: &Self, add: &Self) -> Self {
        Self {
            device: add.device.or(base.device),
            device_path: add.device_path.or(base.device_path),
            device_cookie: add.device_cookie.or(base.device_cookie),
            cookie: add.cookie.or(base.cookie),
            database_cookie: add.database_cookie.or(base.database_cookie),
            per_user: add.per_user.or(base.per_user),
            removal: add.removal.or(base.removal),
            handler: add.handler.or(base.handler),
            // Another section may have demands of its own.
            requirement: add.requirement,
        }
    }
}
