//! Logs that get the cookies of sessions, or passwords.

use std::collections::HashSet;
use std::ffi::CStr;

use crate::ffi::config_tree::Node;
use crate::ffi::has_module;

/// A module that writes secrets to the error log from a level on.
struct Writer {
    /// Its name, as `LogLevel` takes it.
    name: &'static str,
    /// Its name, as `<IfModule>` takes it; `None` if each httpd has the module.
    file: Option<&'static CStr>,
    level: &'static str,
    secret: Secret,
    needs: Needs,
}

/// A secret that a log gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Secret {
    /// The cookies of sessions.
    Cookies,
    /// Sessions in clear.
    Sessions,
    /// Passwords that users type.
    Passwords,
}

/// The lines without which a module writes no secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// It takes none.
    Nothing,
    /// `DumpIOInput On` or `DumpIOOutput On`
    Dump,
    /// `SessionHeader`: applications answer with the session.
    Header,
}

/// The modules of httpd 2.4 that do so.
const WRITERS: [Writer; 11] = [
    // server/util_cookies.c, ap_cookie_write
    writer("core", None, "debug", Secret::Cookies),
    // modules/http/http_request.c, ap_process_async_request; http_filters.c
    writer("http", None, "trace4", Secret::Cookies),
    // modules/http2/h2_stream.c, h2_stream_add_header
    writer("http2", Some(c"mod_http2.c"), "trace2", Secret::Cookies),
    // modules/proxy/ajp_header.c, ajp_marshal_into_msgb
    writer(
        "proxy_ajp",
        Some(c"mod_proxy_ajp.c"),
        "trace5",
        Secret::Cookies,
    ),
    // modules/proxy/mod_proxy_fcgi.c, send_environment
    writer(
        "proxy_fcgi",
        Some(c"mod_proxy_fcgi.c"),
        "trace8",
        Secret::Cookies,
    ),
    // modules/proxy/mod_proxy_http.c, ap_proxy_read_headers
    answers("proxy_http", c"mod_proxy_http.c"),
    // server/util_script.c, ap_scan_script_header_err_core_ex
    answers("proxy_fcgi", c"mod_proxy_fcgi.c"),
    answers("cgi", c"mod_cgi.c"),
    answers("cgid", c"mod_cgid.c"),
    // modules/aaa/mod_auth_form.c, get_form_auth
    writer(
        "auth_form",
        Some(c"mod_auth_form.c"),
        "trace1",
        Secret::Passwords,
    ),
    // modules/debugging/mod_dumpio.c, dumpit
    Writer {
        needs: Needs::Dump,
        ..writer("dumpio", Some(c"mod_dumpio.c"), "trace7", Secret::Passwords)
    },
];

const fn writer(
    name: &'static str,
    file: Option<&'static CStr>,
    level: &'static str,
    secret: Secret,
) -> Writer {
    Writer {
        name,
        file,
        level,
        secret,
        needs: Needs::Nothing,
    }
}

/// A module that writes the headers of an application's answers.
const fn answers(name: &'static str, file: &'static CStr) -> Writer {
    Writer {
        needs: Needs::Header,
        ..writer(name, Some(file), "trace4", Secret::Sessions)
    }
}

/// The levels of `LogLevel`, from the one that says least (server/log.c).
const LEVELS: [&str; 16] = [
    "emerg", "alert", "crit", "error", "warn", "notice", "info", "debug", "trace1", "trace2",
    "trace3", "trace4", "trace5", "trace6", "trace7", "trace8",
];

/// The levels that the lines of a section set for each of [`WRITERS`], as positions in
/// [`LEVELS`], and the line that does so.
#[derive(Clone, Copy, Default)]
pub(super) struct Levels<'c>([Option<(usize, Node<'c>)>; WRITERS.len()]);

impl<'c> Levels<'c> {
    /// Reads a `LogLevel` line.
    pub(super) fn read(&mut self, node: Node<'c>) {
        for word in node.words() {
            let colon = word.iter().rposition(|byte| *byte == b':');
            let (module, level) = match colon.and_then(|colon| word.split_at_checked(colon)) {
                Some((module, level)) => (Some(module), level.get(1..).unwrap_or_default()),
                None => (None, &*word),
            };
            let Some(level) = position(level) else {
                continue;
            };
            for (writer, set) in WRITERS.iter().zip(&mut self.0) {
                if module.is_none_or(|module| writer.is(module)) {
                    *set = Some((level, node));
                }
            }
        }
    }

    /// The levels in force in an inner section.
    pub(super) fn merge(base: &Self, add: &Self) -> Self {
        let mut merged = *add;
        for (set, outer) in merged.0.iter_mut().zip(base.0) {
            *set = set.or(outer);
        }
        merged
    }

    /// The modules that write secrets, and the lines that let them; `has` tells what else is
    /// in force.
    pub(super) fn leaks(&self, has: impl Fn(Needs) -> bool) -> impl Iterator<Item = Leak<'c>> {
        let sets = WRITERS.iter().zip(self.0);
        sets.filter_map(move |(writer, set)| {
            let (level, node) = set?;
            let is_there = writer.file.is_none_or(has_module) && has(writer.needs);
            let writes = position(writer.level.as_bytes()).is_some_and(|least| level >= least);
            (is_there && writes).then_some(Leak {
                line: node,
                module: writer.name,
                level: writer.level,
                secret: writer.secret,
            })
        })
    }
}

/// A module that writes secrets at the level in force.
#[derive(Clone, Copy)]
pub(super) struct Leak<'c> {
    /// The line that sets the level.
    pub(super) line: Node<'c>,
    pub(super) module: &'static str,
    /// The least level at which it writes them.
    pub(super) level: &'static str,
    pub(super) secret: Secret,
}

/// The warning about a line that lets modules write secrets.
pub(super) fn warning(leaks: &[Leak<'_>]) -> String {
    let kinds = [
        (Secret::Cookies, "the cookies of sessions"),
        (Secret::Sessions, "sessions in clear"),
        (Secret::Passwords, "the passwords that users type"),
    ];
    let kinds = kinds.map(|(secret, words)| {
        let of_kind = leaks.iter().filter(|leak| leak.secret == secret);
        let names: Vec<_> = of_kind
            .map(|leak| format!("{}:{}", leak.module, leak.level))
            .collect();
        (!names.is_empty()).then(|| format!("{words} ({})", names.join(", ")))
    });
    let kinds: Vec<_> = kinds.into_iter().flatten().collect();
    let mut quiet: Vec<_> = leaks
        .iter()
        .map(|leak| format!("{}:info", leak.module))
        .collect();
    quiet.dedup();
    format!(
        "LogLevel: the error log gets {}: write '{}' at the end of the line",
        kinds.join(" and "),
        quiet.join(" ")
    )
}

impl Writer {
    /// Whether `LogLevel` means this module (server/core.c, `find_module`).
    fn is(&self, name: &[u8]) -> bool {
        let name = name.strip_suffix(b"_module").unwrap_or(name);
        let name = name.strip_suffix(b".c").unwrap_or(name);
        let name = name.strip_prefix(b"mod_").unwrap_or(name);
        let name = match name {
            b"http_core" => b"http",
            _ => name,
        };
        name == self.name.as_bytes()
    }
}

fn position(level: &[u8]) -> Option<usize> {
    let mut levels = LEVELS.iter();
    levels.position(|name| level.eq_ignore_ascii_case(name.as_bytes()))
}

/// The part of a format that has the cookie of a session or the session itself
/// (mod_log_config, and `ErrorLogFormat`); `cookies` are the names of such cookies.
pub(super) fn secret_in(format: &[u8], cookies: &HashSet<Vec<u8>>) -> Option<String> {
    for item in format.split(|byte| *byte == b'%') {
        // Conditions, and which of the requests of an internal redirect is meant.
        let start = item
            .iter()
            .position(|byte| !b"!,<>0123456789".contains(byte));
        let item = start.and_then(|start| item.get(start..)).unwrap_or(item);
        let Some(body) = item.strip_prefix(b"{") else {
            continue;
        };
        let Some(end) = body.iter().position(|byte| *byte == b'}') else {
            continue;
        };
        let (name, rest) = body.split_at_checked(end).unwrap_or_default();
        let is = |other: &[u8]| name.eq_ignore_ascii_case(other);
        let is_secret = match rest.get(1) {
            Some(b'i') => is(b"Cookie"),
            Some(b'o') => is(b"Set-Cookie"),
            Some(b'e') => is(b"HTTP_SESSION") || is(b"HTTP_COOKIE"),
            Some(b'C') => cookies.contains(name),
            _ => false,
        };
        if let Some(kind) = rest.get(1).filter(|_| is_secret) {
            let name = String::from_utf8_lossy(name);
            return Some(format!("%{{{name}}}{}", char::from(*kind)));
        }
    }
    None
}
