//! A report as Prometheus reads it: its text format, version 0.0.4.
//!
//! The number of series is bounded: labels are those of the formats, reasons and limits of
//! the module, and keys have as many series as there are counters for keys.

use std::collections::BTreeMap;
use std::fmt::{Display, Write as _};

use crate::counts::{ByLabel, Devices};
use crate::key::Key;
use crate::report::Report;

/// The Prometheus form of a report.
pub fn prometheus(report: &Report) -> String {
    let mut page = Page(String::new());
    let counts = &report.counters;
    page.labelled("sealed_total", "Sessions sealed.", "format", &counts.sealed);
    page.labelled("opened_total", "Tokens opened.", "format", &counts.opened);
    page.counter(
        "stale_total",
        "Opened tokens that would not be made as they are now.",
        counts.stale,
    );
    page.labelled(
        "refused_total",
        "Tokens refused.",
        "reason",
        &counts.refused,
    );
    page.counter(
        "expired_total",
        "Sessions that had expired.",
        counts.expired,
    );
    page.counter(
        "revoked_total",
        "Sessions that a logout had ended, or that were ended with all of their user.",
        counts.revoked,
    );
    page.labelled(
        "ended_total",
        "Sessions that a limit of the section had ended.",
        "limit",
        &counts.ended,
    );
    page.family("errors_total", "counter", "Failures of this server.");
    page.samples("errors_total", "kind", counts.errors.by_label());
    page.counter(
        "derivations_total",
        "Keys derived from passphrases.",
        counts.derivations,
    );
    page.counter(
        "private_key_operations_total",
        "Signatures and decryptions by private keys.",
        counts.private_key_operations,
    );
    page.counter(
        "oversize_total",
        "Cookies longer than browsers take.",
        counts.oversize,
    );
    page.family("reloads_total", "counter", "Key files that changed.");
    page.samples("reloads_total", "outcome", counts.reloads.by_label());
    page.devices(&counts.devices);
    page.keys(&report.keys);
    page.gauge(
        "began_timestamp_seconds",
        "When the counters began.",
        report.began,
    );
    page.gauge(
        "longest_lifetime_seconds",
        "The longest that a session of any section may live.",
        report.longest_lifetime,
    );
    if let Some(records) = report.revocation {
        page.gauge(
            "revocation_records",
            "Records in the list of ended sessions.",
            records.used,
        );
        page.gauge(
            "revocation_records_limit",
            "Records that the list of ended sessions has room for.",
            records.size,
        );
        page.counter(
            "revocation_dropped_total",
            "Records that the list of ended sessions has dropped for want of room.",
            records.dropped,
        );
    }
    page.0
}

/// A page that is being written.
struct Page(String);

/// The counts of all keys that have the same labels.
#[derive(Default)]
struct OfKey {
    sealed: u64,
    opened: u64,
    last_opened: Option<u64>,
}

impl Page {
    fn devices(&mut self, devices: &Devices) {
        let help = "Events about the devices of sessions.";
        self.family("device_events_total", "counter", help);
        self.samples("device_events_total", "event", devices.by_label());
        self.labelled(
            "device_refused_total",
            "Sessions refused because of their device.",
            "reason",
            &devices.refused,
        );
        self.labelled(
            "device_denied_total",
            "Registrations and refreshes that did not come to their end.",
            "reason",
            &devices.denied,
        );
    }

    fn keys(&mut self, keys: &[Key]) {
        // A shortened place may be that of two keys, and two samples with the same labels
        // would make the whole page invalid.
        let mut of_keys: BTreeMap<String, OfKey> = BTreeMap::new();
        for key in keys {
            let labels = format!(
                r#"key="{}",kind="{}",place="{}""#,
                escaped(key.name()),
                key.kind.label(),
                escaped(&key.place)
            );
            let of_key = of_keys.entry(labels).or_default();
            of_key.sealed = of_key.sealed.saturating_add(key.sealed);
            of_key.opened = of_key.opened.saturating_add(key.opened);
            of_key.last_opened = of_key.last_opened.max(key.last_opened);
        }
        if of_keys.is_empty() {
            return;
        }
        self.family("key_sealed_total", "counter", "Sessions that a key sealed.");
        for (labels, of_key) in &of_keys {
            self.sample("key_sealed_total", labels, of_key.sealed);
        }
        self.family("key_opened_total", "counter", "Tokens that a key opened.");
        for (labels, of_key) in &of_keys {
            self.sample("key_opened_total", labels, of_key.opened);
        }
        let name = "key_last_opened_timestamp_seconds";
        self.family(name, "gauge", "When a key opened a token last.");
        for (labels, of_key) in &of_keys {
            if let Some(time) = of_key.last_opened {
                self.sample(name, labels, time);
            }
        }
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, "", value);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "gauge", help);
        self.sample(name, "", value);
    }

    fn labelled(&mut self, name: &str, help: &str, label: &str, counts: &ByLabel) {
        self.family(name, "counter", help);
        let counts = counts.iter().map(|(value, count)| (value.as_str(), *count));
        self.samples(name, label, counts);
    }

    fn samples<'l>(
        &mut self,
        name: &str,
        label: &str,
        counts: impl IntoIterator<Item = (&'l str, u64)>,
    ) {
        for (value, count) in counts {
            self.sample(name, &format!(r#"{label}="{}""#, escaped(value)), count);
        }
    }

    /// Begins the samples of a name.
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {PREFIX}{name} {help}"));
        self.line(format_args!("# TYPE {PREFIX}{name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &str, value: u64) {
        match labels {
            "" => self.line(format_args!("{PREFIX}{name} {value}")),
            labels => self.line(format_args!("{PREFIX}{name}{{{labels}}} {value}")),
        }
    }

    fn line(&mut self, line: impl Display) {
        let _ = writeln!(self.0, "{line}");
    }
}

/// The beginning of all names.
const PREFIX: &str = "session_crypto_";

/// The value of a label, as the format writes it. Other control characters than a line feed
/// are allowed there, and nobody wants them.
fn escaped(value: &str) -> String {
    value.chars().fold(String::new(), |mut text, letter| {
        match letter {
            '\\' => text.push_str(r"\\"),
            '"' => text.push_str(r#"\""#),
            '\n' => text.push_str(r"\n"),
            letter if letter.is_control() => text.push(char::REPLACEMENT_CHARACTER),
            letter => text.push(letter),
        }
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::{Kind, State};
    use crate::sample::{NOON, ODD, key, report};

    #[test]
    fn labels_are_escaped() {
        assert_eq!(escaped(ODD), "<b>\\\"&'\\\\\\n\u{fffd}\u{e4}");
        assert_eq!(escaped("a\r\0b"), "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn keys_with_the_same_labels_are_one_series() {
        let page = prometheus(&report(vec![key("a", State::Opens), key("a", State::Gone)]));
        let labels = r#"{key="a",kind="set",place="/etc/httpd/keys.jwks"}"#;
        for (name, value) in [
            ("sealed_total", 6),
            ("opened_total", 8),
            ("last_opened_timestamp_seconds", NOON - 18_000),
        ] {
            let sample = format!("session_crypto_key_{name}{labels} {value}\n");
            assert_eq!(page.matches(&sample).count(), 1, "{page}");
        }
        let others = page.matches("session_crypto_key_").count();
        assert_eq!(others, 3 * 3);
    }

    #[test]
    fn a_key_that_opened_nothing_has_no_time() {
        let unused = Key {
            kind: Kind::Passphrase,
            kid: None,
            last_opened: None,
            ..key("", State::Opens)
        };
        let page = prometheus(&report(vec![unused]));
        let samples = page.matches("\nsession_crypto_key_").count();
        assert_eq!(samples, 2, "{page}");
        assert!(page.contains(r#"key="/etc/httpd/keys.jwks",kind="passphrase""#));
    }

    #[test]
    fn each_line_belongs_to_the_family_before_it() {
        let mut family = String::new();
        for line in prometheus(&report(vec![key("a", State::Seals)])).lines() {
            match line.strip_prefix("# HELP ") {
                Some(help) => family = help.split(' ').next().unwrap().to_owned(),
                None => assert!(line.contains(&family), "{line} after {family}"),
            }
        }
    }
}
