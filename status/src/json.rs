//! A report as JSON.

use std::fmt;

use crate::report::{Report, VERSION};

/// The JSON form of a report, with a line feed at its end.
pub fn json(report: &Report) -> String {
    // A report has neither maps with other keys than text nor types that can fail.
    let mut text = serde_json::to_string_pretty(report).unwrap_or_default();
    text.push('\n');
    text
}

/// The most keys of a report: as many as are counted.
const MOST_KEYS: usize = 512;

/// Reads the JSON form of a report. Members that it does not know are ignored.
///
/// # Errors
///
/// It is no report, or one of another version, or has more keys than a server counts.
pub fn parse(text: &[u8]) -> Result<Report, UnreadableReport> {
    let value: serde_json::Value =
        serde_json::from_slice(text).map_err(|_| UnreadableReport::NoReport)?;
    match value.get("version").and_then(serde_json::Value::as_u64) {
        Some(VERSION) => {
            let report: Report =
                serde_json::from_value(value).map_err(|_| UnreadableReport::NoReport)?;
            let is_ours = report.keys.len() <= MOST_KEYS;
            is_ours.then_some(report).ok_or(UnreadableReport::NoReport)
        }
        Some(version) => Err(UnreadableReport::Version(version)),
        None => Err(UnreadableReport::NoReport),
    }
}

/// The reason why a text is no report that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnreadableReport {
    /// It is no report.
    NoReport,
    /// It is a report of this version, which is not [`VERSION`].
    Version(u64),
}

impl fmt::Display for UnreadableReport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoReport => formatter.write_str("is no report in JSON"),
            Self::Version(version) => write!(
                formatter,
                "is a report of version {version}, and this program reads version {VERSION}"
            ),
        }
    }
}

impl std::error::Error for UnreadableReport {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::State;
    use crate::sample::{ODD, key, report};

    #[test]
    fn a_report_reads_as_it_was_written() {
        let report = report(vec![key(ODD, State::Seals), key("b", State::Several)]);
        assert_eq!(parse(json(&report).as_bytes()), Ok(report));
    }

    #[test]
    fn new_members_are_ignored() {
        let report = report(vec![key("a", State::Seals)]);
        let text = json(&report).replacen("\"kind\"", "\"new\": [1], \"kind\"", 1);
        let text = text.replacen("\"version\"", "\"other\": {}, \"version\"", 1);
        assert_eq!(parse(text.as_bytes()), Ok(report));
    }

    #[test]
    fn a_count_that_an_earlier_release_lacks_is_zero() {
        let mut report = report(Vec::new());
        let mut text = json(&report);
        for (member, count) in [("oversize", 109), ("unusable", 106)] {
            let renamed = text.replacen(&format!("\"{member}\": {count}"), "\"old\": 1", 1);
            assert_ne!(renamed, text, "{member}");
            text = renamed;
        }
        (report.counters.oversize, report.counters.errors.unusable) = (0, 0);
        assert_eq!(parse(text.as_bytes()), Ok(report));
    }

    #[test]
    fn no_more_keys_are_read_than_a_server_counts() {
        let keys = |count| vec![key("a", State::Opens); count];
        assert!(parse(json(&report(keys(MOST_KEYS))).as_bytes()).is_ok());
        let more = json(&report(keys(MOST_KEYS + 1)));
        assert_eq!(parse(more.as_bytes()), Err(UnreadableReport::NoReport));
    }

    #[test]
    fn another_version_is_not_read() {
        let text = json(&report(Vec::new())).replacen("\"version\": 1", "\"version\": 2", 1);
        assert_eq!(parse(text.as_bytes()), Err(UnreadableReport::Version(2)));
    }

    #[test]
    fn a_text_that_is_no_report_is_not_read() {
        let whole = json(&report(vec![key("a", State::Seals)]));
        for end in 0..whole.trim_end().len() {
            let outcome = parse(&whole.as_bytes()[..end]);
            assert_eq!(outcome, Err(UnreadableReport::NoReport), "{end}");
        }
        for text in [
            "[]",
            "1",
            r#"{"version":"1"}"#,
            r#"{"version":1}"#,
            "<html>",
        ] {
            assert_eq!(
                parse(text.as_bytes()),
                Err(UnreadableReport::NoReport),
                "{text}"
            );
        }
    }
}
