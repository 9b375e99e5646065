//! Likely mistakes in lines of other modules, which only the log mentions.
//!
//! They are read from the configuration as it was written, because other modules keep
//! their settings to themselves. `.htaccess` files are not seen.

use std::collections::BTreeMap;

use super::acceptable::{Acceptable, Accepted};
use super::chains::chains;
use super::cookie;
use super::facts::Facts;
use super::found::Found;
use super::lines::{Lines, is_on};
use super::logs::{self, Leak};
use super::seconds;
use crate::ffi::config_tree::{self, Node, Nodes};
use crate::ffi::{self, Server};

/// The first version of httpd in which CVE-2026-47360 is mended.
const REMOVES_COOKIES: [i32; 3] = [2, 4, 69];

/// Warns of likely mistakes in the configuration that was read last.
pub(super) fn warn() {
    config_tree::with_nodes(|nodes| {
        let mut found = Found::default();
        let judge = Judge {
            facts: Facts::read(nodes),
            version: ffi::httpd_version(),
        };
        judge.servers(nodes, &mut found);
        found.say();
    });
}

/// Judges the lines in force in each section.
struct Judge {
    facts: Facts,
    version: [i32; 3],
}

/// A section and all around it.
struct Place<'a, 'c> {
    server: &'a Server<'c, Lines<'c>>,
    /// The sections that every request in it is in; none outside of every section.
    chain: Vec<usize>,
    innermost: Option<usize>,
    /// The lines in force.
    lines: Lines<'c>,
    has_sessions: bool,
}

/// The places in which a cookie is kept from backends, and in which it is not.
#[derive(Default)]
struct Removal<'c> {
    /// `SessionCookieRemove On`
    removed: Vec<Node<'c>>,
    is_kept_somewhere: bool,
}

impl Judge {
    fn servers<'c>(&self, nodes: Nodes<'c>, found: &mut Found<'c>) {
        ffi::for_each_written_server(
            nodes,
            |lines: &mut Lines<'c>, node| lines.read(node, &self.facts),
            // Virtual hosts inherit the lines of the main server, and may replace them.
            |server| {
                if !server.stands_behind {
                    self.server(server, found);
                }
            },
        );
    }

    fn server<'c>(&self, server: &Server<'c, Lines<'c>>, found: &mut Found<'c>) {
        let mut removals = BTreeMap::new();
        for (innermost, chain) in chains(server) {
            let place = Place {
                server,
                lines: server.config_of(&chain),
                has_sessions: server.has_sessions(&chain),
                chain,
                innermost,
            };
            units(&place, found);
            form_in_clear(&place, found);
            if self.facts.encrypts {
                self.no_end(&place, found);
                self.attributes(&place, found);
                self.logs(&place, found);
                removal(&place, &mut removals);
            }
        }
        for removal in removals.values() {
            self.removals(removal, found);
        }
    }

    /// Judges the end of the sessions of a place.
    fn no_end<'c>(&self, place: &Place<'_, 'c>, found: &mut Found<'c>) {
        let lines = &place.lines;
        let (true, Some(line), Some(_)) = (place.has_sessions, lines.session, lines.secret) else {
            return;
        };
        if !self.facts.revokes && !lines.has_end() && !place.may_meet(|other| other.has_end()) {
            let warning = "Session On: the encrypted sessions here never end, and a stolen cookie \
                 works for ever: write 'SessionMaxAge 1800', which ends sessions that are not \
                 used, or 'SessionCryptoMaxLifetime 12h', or both";
            place.judge(found, Acceptable::NoEnd, line, || Some(warning.to_owned()));
        }
    }

    /// Judges the cookies of a place.
    fn attributes<'c>(&self, place: &Place<'_, 'c>, found: &mut Found<'c>) {
        for (directive, line) in [
            ("SessionCookieName", place.lines.cookie),
            ("SessionDBDCookieName", place.lines.database_cookie),
        ] {
            let Some(line) = line else { continue };
            place.judge(found, Acceptable::CookieAttributes, line, || {
                cookie::warning(directive, line, self.facts.attributes)
            });
        }
    }

    /// Judges the logs of a place with sessions.
    fn logs<'c>(&self, place: &Place<'_, 'c>, found: &mut Found<'c>) {
        if !place.has_sessions {
            return;
        }
        let lines = &place.lines;
        let leaks: Vec<_> = lines.levels.leaks(|needs| lines.has(needs)).collect();
        for Leak { line, .. } in &leaks {
            place.judge(found, Acceptable::Log, *line, || {
                let of_line = leaks.iter().copied();
                let of_line = of_line.filter(|leak| leak.line.address() == line.address());
                Some(logs::warning(&of_line.collect::<Vec<_>>()))
            });
        }
        if let Some(line) = lines.forensic_log {
            let warning = "ForensicLog writes all that requests say, with the cookies of sessions: \
                 take the line out as soon as nobody needs that log";
            place.judge(found, Acceptable::Log, line, || Some(warning.to_owned()));
        }
        // A cookie that is taken off the request is not in the log.
        let is_removed = is_on(lines.cookie_remove);
        let is_there = |secret: &String| !is_removed || !secret.ends_with(['i', 'C']);
        if let Some(line) = lines.access_logs.flatten() {
            let secret = self.facts.secret_in_log(line).filter(is_there);
            if let Some(secret) = secret {
                place.judge(found, Acceptable::Log, line, || {
                    Some(log_with(&secret, "CustomLog"))
                });
            }
        }
        if let Some(line) = lines.error_log_format {
            let secret = self.facts.secret_in(line.arguments()).filter(is_there);
            if let Some(secret) = secret {
                place.judge(found, Acceptable::Log, line, || {
                    Some(log_with(&secret, "ErrorLogFormat"))
                });
            }
        }
    }

    /// Judges the places of a server that have the same cookie.
    fn removals<'c>(&self, removal: &Removal<'c>, found: &mut Found<'c>) {
        if !removal.is_kept_somewhere || self.version >= REMOVES_COOKIES {
            return;
        }
        let version = self.version.map(|number| number.to_string()).join(".");
        for line in &removal.removed {
            found.judge(Acceptable::CookieRemove, *line, Accepted::default(), || {
                Some(format!(
                    "SessionCookieRemove differs between sections, and httpd {version} may hand \
                     the cookie to a backend after an internal redirect from one to the other \
                     (CVE-2026-47360): install httpd 2.4.69 or later, or write \
                     'SessionCookieRemove On' outside of all sections"
                ))
            });
        }
    }
}

/// The warning about a log whose format has a secret.
fn log_with(secret: &str, directive: &str) -> String {
    format!("{directive}: the log has sessions or their cookies: take {secret} out of its format")
}

/// Judges the numbers of seconds of a place.
fn units<'c>(place: &Place<'_, 'c>, found: &mut Found<'c>) {
    for (directive, example, line) in [
        ("SessionMaxAge", 1800, place.lines.max_age),
        (
            "SessionExpiryUpdateInterval",
            60,
            place.lines.update_interval,
        ),
    ] {
        let Some(line) = line else { continue };
        place.judge(found, Acceptable::Unit, line, || {
            seconds::warning(directive, example, line)
        });
    }
}

/// Judges the login form of a place.
fn form_in_clear<'c>(place: &Place<'_, 'c>, found: &mut Found<'c>) {
    let lines = &place.lines;
    let is_form = |line: &Node<'_>| {
        let name = line.words().next().unwrap_or_default();
        name.eq_ignore_ascii_case(b"form")
    };
    let Some(line) = lines.auth_type.filter(is_form) else {
        return;
    };
    // A database keeps the session to itself.
    let is_in_cookie = lines.cookie.is_some() && place.has_sessions;
    let is_sealed = lines.secret.is_some() || place.may_meet(|other| other.secret.is_some());
    if is_in_cookie && !is_sealed {
        let warning = "AuthType form keeps the user's password in the session, which is in clear in \
             the cookie: 'Session On' is in force here, and no passphrase, certificate or key: \
             write SessionCryptoKeyFile beside it";
        place.judge(found, Acceptable::FormInClear, line, || {
            Some(warning.to_owned())
        });
    }
}

/// Notes whether the cookie of a place is kept from backends.
fn removal<'c>(place: &Place<'_, 'c>, removals: &mut BTreeMap<Vec<u8>, Removal<'c>>) {
    let lines = &place.lines;
    let Some(cookie) = lines.cookie.filter(|_| place.has_sessions) else {
        return;
    };
    if lines.accepted.has(Acceptable::CookieRemove) {
        return;
    }
    let removal = removals.entry(cookie::name(cookie).to_vec()).or_default();
    match lines.cookie_remove.filter(|_| is_on(lines.cookie_remove)) {
        Some(line) => removal.removed.push(line),
        None => removal.is_kept_somewhere = true,
    }
}

impl<'c> Place<'_, 'c> {
    /// Adds the warning about a line in force here.
    fn judge(
        &self,
        found: &mut Found<'c>,
        kind: Acceptable,
        line: Node<'c>,
        warning: impl FnOnce() -> Option<String>,
    ) {
        found.judge(kind, line, self.lines.accepted, warning);
    }

    /// Whether a request that is here may be in another section as well, which `is` so.
    /// Outside of every section, it may be in any.
    fn may_meet(&self, is: impl Fn(&Lines<'_>) -> bool) -> bool {
        match self.innermost {
            Some(innermost) => self
                .server
                .others(&self.chain, innermost)
                .any(|lines| is(&lines)),
            None => {
                let mut sections = self.server.sections.iter();
                sections.any(|section| section.config.is_some_and(|lines| is(&lines)))
            }
        }
    }
}
