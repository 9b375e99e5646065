//! Times in words.

use session_crypto_core::times::rfc3339;

/// Units of time, with their seconds.
const UNITS: [(&str, u64); 5] = [
    ("year", 365 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
];

/// A number of seconds in its two largest units, like `1 hour 32 minutes`.
pub(crate) fn span(seconds: u64) -> String {
    let mut rest = seconds;
    let mut words = Vec::new();
    for (name, length) in UNITS {
        let count = rest.checked_div(length).unwrap_or_default();
        rest = rest.saturating_sub(count.saturating_mul(length));
        if count > 0 {
            let plural = if count == 1 { "" } else { "s" };
            words.push(format!("{count} {name}{plural}"));
        } else if !words.is_empty() {
            break;
        }
        if words.len() == 2 {
            break;
        }
    }
    if words.is_empty() {
        return "0 seconds".to_owned();
    }
    words.join(" ")
}

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
        for (seconds, words) in [
            (0, "0 seconds"),
            (1, "1 second"),
            (61, "1 minute 1 second"),
            (3_600, "1 hour"),
            (5_520, "1 hour 32 minutes"),
            (86_400 + 59, "1 day"),
            (366 * 86_400, "1 year 1 day"),
        ] {
            assert_eq!(span(seconds), words);
        }
        assert_eq!(time(60, 0), "1970-01-01T00:01:00Z (in 1 minute)");
        assert_eq!(time(0, 7_200), "1970-01-01T00:00:00Z (2 hours ago)");
        assert_eq!(time(5, 5), "1970-01-01T00:00:05Z (now)");
    }
}
