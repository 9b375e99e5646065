//! The handler that sends a report, and the module's part of mod_status's page.

use std::ffi::CStr;

use session_crypto_status::{self as forms, Counts};

use super::gather;
use crate::config::{DirConfig, Realm};
use crate::ffi::{Exchange, Page, Status, StatusForm};
use crate::sessions::Life;
use crate::state::State;

/// The name of the handler, for `SetHandler`.
pub(crate) const HANDLER: &CStr = c"session-crypto-status";

/// Sends a report, in the form that the query names.
pub(crate) fn handle<'r>(
    exchange: &mut Exchange<'r, Realm, Life>,
    state: &'r State,
    _: &DirConfig<'r>,
) -> Status {
    let request = exchange.request();
    if !request.is_get() {
        return Status::NotGet;
    }
    let report = gather::report(state);
    let (content_type, body) = match form(request.query().to_bytes()) {
        Form::Html => (c"text/html; charset=utf-8", forms::html(&report)),
        Form::Json => (c"application/json", forms::json(&report)),
        Form::Prometheus => (
            c"text/plain; version=0.0.4; charset=utf-8",
            forms::prometheus(&report),
        ),
    };
    exchange.send(&Page {
        content_type,
        headers: HEADERS,
        body: &body,
    })
}

/// The module's part of mod_status's page.
pub(crate) fn section(state: &State, form: StatusForm) -> String {
    let counts = Counts::of(&state.counters());
    match form {
        StatusForm::Html => forms::section(&counts, true),
        StatusForm::HtmlWithoutTables => forms::section(&counts, false),
        StatusForm::Lines => forms::lines(&counts),
    }
}

/// The forms of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Html,
    Json,
    Prometheus,
}

/// The form that a query names; the page for people if it names none.
fn form(query: &[u8]) -> Form {
    let mut parameters = query.split(|byte| *byte == b'&');
    let named = parameters.find_map(|parameter| {
        // Prometheus writes an `=` after a parameter without a value.
        match parameter.strip_suffix(b"=").unwrap_or(parameter) {
            b"json" => Some(Form::Json),
            b"prometheus" => Some(Form::Prometheus),
            _ => None,
        }
    });
    named.unwrap_or(Form::Html)
}

/// Headers of each form. The page has no script, and loads nothing.
const HEADERS: &[(&CStr, &CStr)] = &[
    (c"Cache-Control", c"no-store"),
    (
        c"Content-Security-Policy",
        c"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
          frame-ancestors 'none'",
    ),
    (c"X-Content-Type-Options", c"nosniff"),
];
