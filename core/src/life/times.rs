//! Lifetimes and dates, as a configuration writes them.

use thiserror::Error;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The error of a text that is no lifetime.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum LifetimeError {
    /// It is not a number with a unit that is known.
    #[error("not a number with one of the units s, min, h and d")]
    Malformed,
    /// It is shorter than a second.
    #[error("shorter than a second")]
    TooShort,
    /// It is longer than [`MAX_LIFETIME`].
    #[error("longer than ten years")]
    TooLong,
}

/// The error of a text that is no date.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a date and time as in RFC 3339")]
pub struct DateError;

/// The longest lifetime, in seconds.
pub const MAX_LIFETIME: u64 = 3650 * 86_400;

/// The last second of the year 9999: RFC 3339 has no later date.
pub(crate) const LATEST: u64 = 253_402_300_799;

/// Reads a lifetime, and returns seconds.
///
/// The units are those of httpd (`ap_timeout_parameter_parse` in server/util.c), `min` in
/// full, and `d` for days; a number alone is seconds.
///
/// # Errors
///
/// It is no lifetime.
pub fn lifetime(text: &str) -> Result<u64, LifetimeError> {
    let end = text.find(|letter: char| !letter.is_ascii_digit());
    let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
    let milliseconds: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "mi" | "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(LifetimeError::Malformed),
    };
    if digits.is_empty() {
        return Err(LifetimeError::Malformed);
    }
    // Digits alone do not parse if there are too many.
    let number: u64 = digits.parse().map_err(|_| LifetimeError::TooLong)?;
    match number.saturating_mul(milliseconds) / 1_000 {
        0 => Err(LifetimeError::TooShort),
        seconds if seconds > MAX_LIFETIME => Err(LifetimeError::TooLong),
        seconds => Ok(seconds),
    }
}

/// Reads a date and time of RFC 3339, and returns Unix seconds; the fraction of a second
/// counts as a whole one.
///
/// # Errors
///
/// It is none, before 1970, or after the year 9999 in UTC.
pub fn date(text: &str) -> Result<u64, DateError> {
    let date = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| DateError)?;
    let seconds = u64::try_from(date.unix_timestamp()).map_err(|_| DateError)?;
    let seconds = seconds.saturating_add(u64::from(date.nanosecond() > 0));
    // An offset or a fraction may lead into a year that has no such text.
    (seconds <= LATEST).then_some(seconds).ok_or(DateError)
}

/// Writes Unix seconds as a date and time of RFC 3339, in UTC.
pub fn rfc3339(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let date = OffsetDateTime::from_unix_timestamp(seconds);
    let text = date.ok().and_then(|date| date.format(&Rfc3339).ok());
    text.unwrap_or_else(|| format!("{seconds} s after 1970"))
}

/// Units of time, with their seconds.
const UNITS: [(&str, u64); 5] = [
    ("year", 365 * 86_400),
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
    ("second", 1),
];

/// A number of seconds in its two largest units, like `1 hour 32 minutes`.
pub fn span(seconds: u64) -> String {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_spans_in_words() {
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
    }

    #[test]
    fn reads_lifetimes() {
        for (text, seconds) in [
            ("1", 1),
            ("90s", 90),
            ("1500ms", 1),
            ("15mi", 900),
            ("15min", 900),
            ("8h", 28_800),
            ("30d", 2_592_000),
            ("3650d", MAX_LIFETIME),
        ] {
            assert_eq!(lifetime(text), Ok(seconds), "{text}");
        }
    }

    #[test]
    fn refuses_other_lifetimes() {
        for text in [
            "", "s", "-1", "+1", " 1", "1 h", "1.5h", "1hour", "1m", "1H", "1w", "h1",
        ] {
            assert_eq!(lifetime(text), Err(LifetimeError::Malformed), "{text}");
        }
        for text in ["0", "0d", "999ms"] {
            assert_eq!(lifetime(text), Err(LifetimeError::TooShort), "{text}");
        }
        for text in ["3651d", "18446744073709551615h", "99999999999999999999999"] {
            assert_eq!(lifetime(text), Err(LifetimeError::TooLong), "{text}");
        }
    }

    #[test]
    fn reads_and_writes_dates() {
        for (text, seconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-11-26T05:42:10Z", 1_795_671_730),
            ("2026-11-26T06:42:10+01:00", 1_795_671_730),
            ("2026-11-26T05:42:09.001Z", 1_795_671_730),
        ] {
            assert_eq!(date(text), Ok(seconds), "{text}");
        }
        assert_eq!(rfc3339(1_795_671_730), "2026-11-26T05:42:10Z");
    }

    #[test]
    fn a_date_is_before_the_year_10000_in_utc() {
        let last = "9999-12-31T23:59:59Z";
        assert_eq!(date(last), Ok(LATEST));
        assert_eq!(rfc3339(LATEST), last);
        for text in [
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59.5Z",
            "9999-12-31T23:59:59-00:01",
        ] {
            assert_eq!(date(text), Err(DateError), "{text}");
        }
    }

    #[test]
    fn refuses_other_dates() {
        for text in [
            "",
            "now",
            "2026-11-26",
            "2026-11-26T05:42:10",
            "2026-13-26T05:42:10Z",
            "2026-02-29T05:42:10Z",
            "1969-12-31T23:59:59Z",
            "2026-11-26T05:42:10Z ",
            "1795671730",
        ] {
            assert_eq!(date(text), Err(DateError), "{text}");
        }
    }
}
