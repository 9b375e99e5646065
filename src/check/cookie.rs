//! The attributes of a session's cookie.

use crate::ffi::config_tree::Node;

/// The attributes that keep a cookie from those whom it does not concern.
const ATTRIBUTES: [(&str, &str); 3] = [
    ("Secure", "Secure"),
    ("HttpOnly", "HttpOnly"),
    ("SameSite", "SameSite=Lax"),
];

/// The attributes of a cookie for which a line names none (util_cookies.h, DEFAULT_ATTRS).
const DEFAULTS: &str = "HttpOnly;Secure;Version=1";

/// Some of [`ATTRIBUTES`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Attributes([bool; ATTRIBUTES.len()]);

impl Attributes {
    /// Adds the attributes that a line of mod_headers gives to cookies, as in
    /// `Header edit Set-Cookie (.*) "$1;HttpOnly"`.
    pub(super) fn add_header(&mut self, node: Node<'_>) {
        let words: Vec<_> = node.words().collect();
        let name = words
            .iter()
            .position(|word| word.eq_ignore_ascii_case(b"Set-Cookie"));
        let Some(name) = name.filter(|_| node.is("Header")) else {
            return;
        };
        for word in words.iter().skip(name) {
            let text = String::from_utf8_lossy(word).to_ascii_lowercase();
            for ((name, _), has) in ATTRIBUTES.iter().zip(&mut self.0) {
                *has |= text.contains(&name.to_ascii_lowercase());
            }
        }
    }

    /// The attributes that stand in a list with semicolons.
    fn of(text: &str) -> Self {
        let mut attributes = Self::default();
        for part in text.split(';') {
            let name = part.split_once('=').map_or(part, |(name, _)| name).trim();
            for ((known, _), has) in ATTRIBUTES.iter().zip(&mut attributes.0) {
                *has |= name.eq_ignore_ascii_case(known);
            }
        }
        attributes
    }
}

/// The name of a line's cookie.
pub(super) fn name(node: Node<'_>) -> &[u8] {
    split(node).0
}

/// The warning about a line whose cookie lacks attributes; `given` are those that cookies
/// get later.
pub(super) fn warning(directive: &str, node: Node<'_>, given: Attributes) -> Option<String> {
    let (name, text) = split(node);
    let (name, text) = (String::from_utf8_lossy(name), String::from_utf8_lossy(text));
    let text = text.trim_end().trim_end_matches(';');
    let own = Attributes::of(if text.is_empty() { DEFAULTS } else { text });
    let has = own.0.iter().zip(given.0).map(|(own, given)| *own || given);
    let lacks: Vec<_> = ATTRIBUTES
        .iter()
        .zip(has)
        .filter(|(_, has)| !has)
        .map(|(attribute, _)| attribute)
        .collect();
    let names: Vec<_> = lacks.iter().map(|(name, _)| *name).collect();
    let names = match names.split_last() {
        None => return None,
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    };
    let more: Vec<_> = lacks.iter().map(|(_, text)| *text).collect();
    let attributes = match text {
        "" => "path=/;Secure;HttpOnly;SameSite=Lax".to_owned(),
        _ => format!("{text};{}", more.join(";")),
    };
    Some(format!(
        "the cookie goes out without {names}: write '{directive} {name} {attributes}'"
    ))
}

/// The value of an attribute of a line's cookie; the last one counts, as to browsers.
pub(super) fn attribute(node: Node<'_>, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(split(node).1);
    let mut value = None;
    for part in text.split(';') {
        let (own, rest) = part.split_once('=').unwrap_or((part, ""));
        if own.trim().eq_ignore_ascii_case(name) {
            value = Some(rest.trim().to_owned());
        }
    }
    value
}

/// Splits a line into the cookie's name and its attributes
/// (modules/session/mod_session_cookie.c, `set_cookie_name`).
fn split(node: Node<'_>) -> (&[u8], &[u8]) {
    let line = node.arguments().trim_ascii();
    let end = line.iter().position(|byte| b" \t".contains(byte));
    let (name, attributes) = line
        .split_at_checked(end.unwrap_or(line.len()))
        .unwrap_or_default();
    (name, attributes.trim_ascii_start())
}
