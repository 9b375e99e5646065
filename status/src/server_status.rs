//! The counts as a part of mod_status's page.
//!
//! Often more people see that page than ours, so it has no key and no file.

use std::fmt::Write as _;

use maud::html;

use crate::counts::{Counts, total};

/// The counts as lines of mod_status's `?auto`.
pub fn lines(counts: &Counts) -> String {
    rows(counts).iter().fold(String::new(), |mut lines, row| {
        let _ = writeln!(lines, "SessionCrypto{}: {}", row.name, row.count);
        lines
    })
}

/// The counts as a part of mod_status's page, with or without a table.
pub fn section(counts: &Counts, with_table: bool) -> String {
    let rows = rows(counts);
    let section = html! {
        hr;
        h2 { "Encrypted sessions" }
        @if with_table {
            table border="0" {
                @for row in &rows {
                    tr {
                        th align="left" scope="row" { (row.words) }
                        td align="right" { (row.count) }
                    }
                }
            }
        } @else {
            p {
                @for row in &rows {
                    (row.words) ": " (row.count) br;
                }
            }
        }
    };
    let mut section = section.into_string();
    section.push('\n');
    section
}

/// A count.
struct Row {
    /// The end of its name in `?auto`.
    name: &'static str,
    words: &'static str,
    count: u64,
}

fn rows(counts: &Counts) -> [Row; 18] {
    let row = |name, words, count| Row { name, words, count };
    let devices = &counts.devices;
    let refused = total(&devices.refused);
    [
        row("Sealed", "Sessions sealed", total(&counts.sealed)),
        row("Opened", "Tokens opened", total(&counts.opened)),
        row("Stale", "of these, under an older key", counts.stale),
        row("Refused", "Tokens refused", total(&counts.refused)),
        row("Expired", "Sessions that had expired", counts.expired),
        row(
            "Revoked",
            "Sessions that a logout had ended",
            counts.revoked,
        ),
        row(
            "Ended",
            "Sessions that a limit had ended",
            total(&counts.ended),
        ),
        row("Errors", "Failures of this server", counts.errors.sum()),
        row("Derivations", "Keys derived", counts.derivations),
        row(
            "PrivateKeyOperations",
            "Uses of private keys",
            counts.private_key_operations,
        ),
        row("Oversize", "Cookies too long for browsers", counts.oversize),
        row("Reloads", "Changed key files read", counts.reloads.good),
        row(
            "FailedReloads",
            "Changed key files not used",
            counts.reloads.failed,
        ),
        row("DeviceBound", "Requests with bound sessions", devices.bound),
        row(
            "DeviceUnbound",
            "Requests with sessions not bound",
            devices.unbound,
        ),
        row(
            "DeviceRefused",
            "Sessions refused because of their device",
            refused,
        ),
        row(
            "DeviceRegistered",
            "Keys of devices registered",
            devices.registered,
        ),
        row(
            "DeviceRefreshed",
            "Keys of devices proved again",
            devices.refreshed,
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::report;

    #[test]
    fn each_form_has_each_count() {
        let counts = report(Vec::new()).counters;
        let lines = lines(&counts);
        assert_eq!(lines.lines().count(), 18);
        assert!(lines.starts_with("SessionCryptoSealed: 10\nSessionCryptoOpened: 10\n"));
        assert!(lines.contains("\nSessionCryptoErrors: 315\n"));
        let (table, text) = (section(&counts, true), section(&counts, false));
        for count in [
            10, 101, 171, 102, 103, 6, 315, 107, 108, 109, 110, 111, 125, 126, 15, 122, 123,
        ] {
            assert!(lines.contains(&format!(": {count}\n")), "{count}");
            assert!(table.contains(&format!(">{count}<")), "{count}");
            assert!(text.contains(&format!(": {count}<br>")), "{count}");
        }
        assert!(!text.contains("<table"));
    }
}
