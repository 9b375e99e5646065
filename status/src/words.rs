//! Numbers, times and lists in words.

use std::fmt::Display;

use session_crypto_core::times::{rfc3339, span};

/// How far a time is from now, like `3 days 5 hours ago`.
pub(crate) fn from_now(seconds: u64, now: u64) -> String {
    match seconds.checked_sub(now) {
        Some(0) => "now".to_owned(),
        Some(ahead) => format!("in {}", span(ahead)),
        None => format!("{} ago", span(now.saturating_sub(seconds))),
    }
}

/// A time in UTC, like `2026-11-26 09:30 UTC`.
pub(crate) fn date(seconds: u64) -> String {
    let text = rfc3339(seconds);
    match (text.get(..10), text.get(11..16)) {
        (Some(day), Some(time)) => format!("{day} {time} UTC"),
        _ => text,
    }
}

/// A number with a noun, whose plural has an `s`.
pub fn count<N: Display + PartialEq + From<u8>>(number: N, noun: &str) -> String {
    let plural = if number == N::from(1) { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Names in a sentence, like `a, b and c`.
pub fn and(names: &[impl AsRef<str>]) -> String {
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    match names.as_slice() {
        [] => String::new(),
        [name] => (*name).to_owned(),
        [names @ .., last] => format!("{} and {last}", names.join(", ")),
    }
}
