//! A report as a page for people.
//!
//! The page needs no script, and says with text whatever it says with colours.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use session_crypto_core::times::{rfc3339, span};
use session_crypto_core::{Limit, Refusal, TokenFormat};

use crate::advice::advice;
use crate::counts::{ByLabel, Devices};
use crate::glance::sentences;
use crate::key::{Key, State};
use crate::report::Report;
use crate::words::{date, from_now};

/// The HTML form of a report.
pub fn html(report: &Report) -> String {
    let title = format!("Encrypted sessions on {}", report.host);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.faint {
                        (date(report.now)) ". Counted since " (date(report.began))
                        ", over graceful restarts too."
                    }
                }
                main {
                    (glance(report))
                    (keys(report))
                    (sessions(report))
                    (refused(report))
                    @if report.counters.devices.is_counted() {
                        (devices(&report.counters.devices))
                    }
                    (server(report))
                }
                footer {
                    h2 { "For programs" }
                    p { a href="?json" { "JSON" } ", " a href="?prometheus" { "Prometheus" } }
                }
            }
        }
    };
    page.into_string()
}

const STYLE: &str = include_str!("page.css");

fn glance(report: &Report) -> Markup {
    html! {
        section aria-labelledby="glance" {
            h2 id="glance" { "At a glance" }
            ul {
                @for sentence in sentences(report) {
                    @if sentence.is_alarm {
                        li.alarm { (sentence.text) }
                    } @else {
                        li { (sentence.text) }
                    }
                }
            }
        }
    }
}

fn keys(report: &Report) -> Markup {
    html! {
        section aria-labelledby="keys" {
            h2 id="keys" { "Keys" }
            p {
                "A key can go after " (span(report.longest_lifetime)) " without use, here and on "
                "each other server of the farm. This time is the longest "
                "SessionCryptoMaxLifetime, or 30 days where a section has none."
            }
            @if report.keys.is_empty() {
                p { "No key is configured outside of .htaccess files." }
            } @else {
                div.wide role="region" aria-label="Table of keys" tabindex="0" {
                    table {
                        caption { "What each key does, and what to do next" }
                        thead {
                            tr {
                                th scope="col" { "Key" }
                                th scope="col" { "State" }
                                th scope="col" { "Next" }
                                th.number scope="col" { "Sealed" }
                                th.number scope="col" { "Opened" }
                                th scope="col" { "Last opened" }
                            }
                        }
                        tbody {
                            @for key in sorted(&report.keys) { (row(key, report)) }
                        }
                    }
                }
            }
        }
    }
}

/// The keys of each file together: first the one that seals, and last those that are gone.
fn sorted(keys: &[Key]) -> Vec<&Key> {
    let mut sorted: Vec<&Key> = keys.iter().collect();
    sorted.sort_by_key(|key| {
        let state = match key.state {
            State::Seals => 0,
            State::Begins => 1,
            State::Opens => 2,
            State::Ended => 3,
            State::Gone | State::Several => 4,
        };
        (key.kind, &key.place, state)
    });
    sorted
}

fn row(key: &Key, report: &Report) -> Markup {
    let advice = advice(key, report);
    html! {
        tr {
            th scope="row" {
                code { (key.name()) }
                br;
                span.faint {
                    (key.kind.words())
                    @if key.kid.is_some() { ", " (key.place) }
                }
            }
            td.words { (advice.state) }
            @if advice.may_go {
                td.words.go { (advice.next) }
            } @else {
                td.words { (advice.next) }
            }
            td.number { (key.sealed) }
            td.number { (key.opened) }
            td { (time(key.last_opened, report.now)) }
        }
    }
}

fn time(seconds: Option<u64>, now: u64) -> Markup {
    html! {
        @match seconds {
            Some(seconds) => time datetime=(rfc3339(seconds)) {
                (from_now(seconds, now))
            },
            None => "never",
        }
    }
}

fn sessions(report: &Report) -> Markup {
    let counts = &report.counters;
    let formats = TokenFormat::ALL.map(|format| (format.label(), words_of_format(format)));
    html! {
        section aria-labelledby="sessions" {
            h2 id="sessions" { "Sessions" }
            div.pair {
                table {
                    caption { "Sessions sealed and opened" }
                    thead {
                        tr {
                            th scope="col" { "Format" }
                            th.number scope="col" { "Sealed" }
                            th.number scope="col" { "Opened" }
                        }
                    }
                    tbody {
                        @for (label, words) in formats {
                            tr {
                                th scope="row" { (words) }
                                td.number { (of(&counts.sealed, label)) }
                                td.number { (of(&counts.opened, label)) }
                            }
                        }
                    }
                }
                (table("Opened sessions that were not as they should be", &[
                    ("under an older key or cipher, to be sealed anew", counts.stale),
                    ("expired", counts.expired),
                    ("ended by a logout, or with all of their user", counts.revoked),
                    ("older than SessionCryptoMaxLifetime", of(&counts.ended, Limit::Lifetime.label())),
                    ("begun before SessionCryptoNotBefore", of(&counts.ended, Limit::NotBefore.label())),
                    ("begun in the future", of(&counts.ended, Limit::Future.label())),
                ]))
            }
        }
    }
}

fn refused(report: &Report) -> Markup {
    let counted = Refusal::ALL.into_iter().filter_map(|refusal| {
        let count = of(&report.counters.refused, refusal.label());
        (count != 0).then(|| (refusal.to_string(), count))
    });
    let counted: Vec<_> = counted.collect();
    let rows: Vec<_> = counted
        .iter()
        .map(|(words, count)| (words.as_str(), *count))
        .collect();
    html! {
        section aria-labelledby="refused" {
            h2 id="refused" { "Refused sessions" }
            @if rows.is_empty() {
                p { "No session was refused." }
            } @else {
                p {
                    "At LogLevel session_crypto:info, the error log has lines with the code of each "
                    "reason, and " code { "%{session-crypto}n" } " in a LogFormat puts the code of "
                    "each request into the access log."
                }
                (table("Refused sessions, by reason", &rows))
            }
        }
    }
}

fn devices(devices: &Devices) -> Markup {
    let bound = devices.bound.saturating_add(devices.became_bound);
    let refused = SESSION_REASONS.map(|(label, words)| (words, of(&devices.refused, label)));
    let denied: Vec<_> = devices
        .denied
        .iter()
        .filter(|(_, count)| **count != 0)
        .map(|(label, count)| (label.as_str(), *count))
        .collect();
    html! {
        section aria-labelledby="devices" {
            h2 id="devices" { "Devices" }
            p {
                "Sessions that are bound to the device of a browser. " (bound) " of "
                (devices.judged()) " requests with a session came from its device."
            }
            div.pair {
                (table("Requests with sessions", &[
                    ("bound, from their device", bound),
                    ("not bound", devices.unbound),
                    ("bound, without their device, let in", devices.tolerated),
                ]))
                (table("Sessions refused because of their device", &refused))
                (table("Keys", &[
                    ("new sessions offered", devices.offered),
                    ("keys registered", devices.registered),
                    ("sessions that became bound", devices.became_bound),
                    ("keys proved again", devices.refreshed),
                ]))
                @if !denied.is_empty() {
                    (table("Registrations and refreshes without success, by reason", &denied))
                }
            }
        }
    }
}

/// The labels of the reasons of refused sessions, in words.
const SESSION_REASONS: [(&str, &str); 5] = [
    ("no_cookie", "no bound cookie"),
    ("cookie_ended", "bound cookie has ended"),
    ("other_device", "bound cookie of another device"),
    ("other_session", "bound cookie of another session"),
    ("not_bound", "not bound in time"),
];

fn server(report: &Report) -> Markup {
    let counts = &report.counters;
    html! {
        section aria-labelledby="server" {
            h2 id="server" { "This server" }
            div.pair {
                (table("Failures", &[
                    ("session not opened", counts.errors.not_opened),
                    ("session not sealed", counts.errors.not_sealed),
                    ("settings that cannot be used", counts.errors.unusable),
                    ("cookie longer than browsers take", counts.oversize),
                    ("changed key file not used", counts.reloads.failed),
                ]))
                (table("Work", &[
                    ("keys derived from passphrases", counts.derivations),
                    ("uses of private keys", counts.private_key_operations),
                    ("changed key files read", counts.reloads.good),
                ]))
                @if let Some(records) = report.revocation {
                    (table("List of ended sessions", &[
                        ("records", records.used),
                        ("room for", records.size),
                        ("dropped for want of room", records.dropped),
                    ]))
                }
            }
        }
    }
}

/// A table of counts.
fn table(caption: &str, rows: &[(&str, u64)]) -> Markup {
    html! {
        table {
            caption { (caption) }
            thead {
                tr {
                    th scope="col" { "What" }
                    th.number scope="col" { "Count" }
                }
            }
            tbody {
                @for (words, count) in rows {
                    tr {
                        th scope="row" { (words) }
                        td.number { (count) }
                    }
                }
            }
        }
    }
}

fn of(counts: &ByLabel, label: &str) -> u64 {
    counts.get(label).copied().unwrap_or_default()
}

fn words_of_format(format: TokenFormat) -> &'static str {
    match format {
        TokenFormat::Classic => "classic",
        TokenFormat::Jwe => "JWE with a passphrase",
        TokenFormat::Certificate => "JWE with a certificate",
        TokenFormat::KeySet => "JWE with a key file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Kind;
    use crate::sample::{ODD, key, report};

    fn page() -> String {
        let odd = Key {
            kind: Kind::Passphrase,
            kid: None,
            place: ODD.to_owned(),
            ..key("", State::Opens)
        };
        let odder = Key {
            place: ODD.to_owned(),
            ..key(ODD, State::Seals)
        };
        html(&report(vec![odd, odder]))
    }

    #[test]
    fn nothing_of_the_configuration_is_markup() {
        let page = page();
        assert!(!page.contains("<b>") && !page.contains(ODD));
        // The host twice, the name and the place of one key, the place of the other one, and
        // that file once more, because none of its keys seals.
        assert!(page.matches("&lt;b&gt;&quot;&amp;'\\").count() >= 5);
    }

    #[test]
    fn the_page_does_not_say_that_sessions_without_a_lifetime_end() {
        let page = page();
        assert!(page.contains("A key can go after 8 hours without use"));
        assert!(page.contains("or 30 days where a section has none."));
        assert!(!page.contains("Sessions live"));
    }

    #[test]
    fn each_table_has_a_caption_and_each_heading_a_scope() {
        let page = page();
        let tables = page.matches("<table>").count();
        assert!(tables >= 7);
        assert_eq!(page.matches("<caption>").count(), tables);
        let headings = page.matches("<th ").count();
        assert_eq!(page.matches("scope=\"").count(), headings);
        assert_eq!(page.matches("<th>").count(), 0);
    }

    #[test]
    fn each_count_is_there() {
        let page = page();
        for count in (101..=113).chain([249, 126, 127, 121, 122, 123, 124, 28]) {
            assert!(page.contains(&format!(">{count}<")), "{count}");
        }
        for refusal in Refusal::ALL {
            assert!(page.contains(&html! { (refusal.to_string()) }.into_string()));
        }
    }
}
