//! Times in words.

use session_crypto_core::times::rfc3339;
pub(crate) use session_crypto_core::times::span;

/// A time in Unix seconds, and how far it is from now.
pub(crate) fn time(seconds: u64, now: u64) -> String {
    let far = match seconds.checked_sub(now) {
        Some(0) => "now".to_owned(),
        Some(ahead) => format!("in {}", span(ahead)),
        None => format!("{} ago", span(now.saturating_sub(seconds))),
    };
    format!("{} ({far})", rfc3339(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_times_in_words() {
        assert_eq!(time(60, 0), "1970-01-01T00:01:00Z (in 1 minute)");
        assert_eq!(time(0, 7_200), "1970-01-01T00:00:00Z (2 hours ago)");
        assert_eq!(time(5, 5), "1970-01-01T00:00:05Z (now)");
    }
}
