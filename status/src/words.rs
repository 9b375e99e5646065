//! Numbers and times in words.

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
pub(crate) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
