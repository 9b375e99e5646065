//! The sentences at the top of the page for people.

use session_crypto_core::Refusal;

use crate::advice::{advice, without_sealing_key};
use crate::counts::total;
use crate::report::Report;
use crate::words::{and, count, date};

/// A sentence at the top of the page.
pub(crate) struct Sentence {
    /// It is about something that somebody must look at.
    pub(crate) is_alarm: bool,
    pub(crate) text: String,
}

/// Whether sessions open, why not, and whether a key can go.
pub(crate) fn sentences(report: &Report) -> Vec<Sentence> {
    let mut sentences = vec![calm(tokens(report))];
    let counts = &report.counters;
    let failures = counts.errors.sum();
    if failures != 0 {
        sentences.push(alarm(format!(
            "This server itself has failed {}: the error log says why.",
            count(failures, "time")
        )));
    }
    for place in without_sealing_key(report) {
        sentences.push(alarm(format!(
            "No key of {place} seals now, so sessions are not saved: run htsession rotate."
        )));
    }
    if counts.reloads.failed != 0 {
        sentences.push(alarm(format!(
            "A changed key file could not be used {}: the error log says why.",
            count(counts.reloads.failed, "time")
        )));
    }
    if counts.oversize != 0 {
        sentences.push(alarm(format!(
            "{} lost: the error log says what to do.",
            match counts.oversize {
                1 => "A cookie was longer than browsers take, and its session is".to_owned(),
                many => format!(
                    "{many} cookies were longer than browsers take, and their sessions are"
                ),
            }
        )));
    }
    if let Some(records) = report.revocation.filter(|records| records.dropped != 0) {
        sentences.push(alarm(format!(
            "The list of ended sessions has dropped {} for want of room, so copies of these \
             sessions may work again: SessionCryptoRevocation takes a larger size=.",
            count(records.dropped, "record")
        )));
    }
    sentences.push(calm(keys(report)));
    sentences
}

fn tokens(report: &Report) -> String {
    let counts = &report.counters;
    let (opened, refused) = (total(&counts.opened), total(&counts.refused));
    let since = date(report.began);
    match (opened, refused) {
        (0, 0) => format!("No session has come since {since}."),
        (_, 0) => format!("All sessions that came since {since} have opened: {opened}."),
        _ => {
            let all = opened.saturating_add(refused);
            let were = if refused == 1 { "was" } else { "were" };
            let why = main_reason(report, refused);
            format!(
                "{opened} of {all} sessions that came since {since} opened; {refused} {were} \
                 refused{why}."
            )
        }
    }
}

/// The reason for which most tokens were refused.
fn main_reason(report: &Report, refused: u64) -> String {
    let reasons = Refusal::ALL.into_iter();
    let counted = reasons.filter_map(|refusal| {
        let count = report.counters.refused.get(refusal.label())?;
        Some((*count, refusal))
    });
    match counted.max_by_key(|(count, _)| *count) {
        Some((count, refusal)) if count == refused => format!(", because {refusal}"),
        Some((count, refusal)) => format!(", {count} of them because {refusal}"),
        None => String::new(),
    }
}

fn keys(report: &Report) -> String {
    let may_go = report.keys.iter().filter(|key| advice(key, report).may_go);
    let names: Vec<&str> = may_go.map(|key| key.name()).collect();
    match names.as_slice() {
        [] => "No key can go now.".to_owned(),
        [name] => format!("The key {name} can go, as far as this server knows."),
        names => format!(
            "The keys {} can go, as far as this server knows.",
            and(names)
        ),
    }
}

fn calm(text: String) -> Sentence {
    Sentence {
        is_alarm: false,
        text,
    }
}

fn alarm(text: String) -> Sentence {
    Sentence {
        is_alarm: true,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::counts::Counts;
    use crate::key::State;
    use crate::sample::{key, report};

    fn texts(report: &Report) -> Vec<(bool, String)> {
        let sentences = sentences(report).into_iter();
        sentences
            .map(|sentence| (sentence.is_alarm, sentence.text))
            .collect()
    }

    #[test]
    fn a_server_without_trouble_has_no_alarm() {
        let mut report = report(vec![key("now", State::Seals)]);
        report.counters = Counts::default();
        report.revocation = None;
        let expected = [
            (false, "No session has come since 2027-01-05 08:00 UTC."),
            (false, "No key can go now."),
        ];
        assert_eq!(
            texts(&report),
            expected.map(|(is, text)| (is, text.to_owned()))
        );
    }

    #[test]
    fn trouble_is_an_alarm_each() {
        let keys = vec![
            key("a", State::Ended),
            key("b", State::Ended),
            key("c", State::Opens),
        ];
        let texts = texts(&report(keys));
        let alarms: Vec<&str> = texts
            .iter()
            .filter(|(is_alarm, _)| *is_alarm)
            .map(|(_, text)| text.split(' ').next().unwrap_or_default())
            .collect();
        assert_eq!(alarms, ["This", "No", "A", "109", "The"]);
        assert!(
            texts[0].1.starts_with("10 of 181 sessions that came since"),
            "{}",
            texts[0].1
        );
        assert!(
            texts[0].1.contains("171 were refused, 18 of them because"),
            "{}",
            texts[0].1
        );
        let (_, keys) = texts.last().unwrap();
        assert_eq!(keys, "No key can go now.");
    }

    #[test]
    fn one_refusal_is_told_in_the_singular() {
        let mut report = report(Vec::new());
        report.counters = Counts {
            refused: [("tag".to_owned(), 1)].into(),
            ..Counts::default()
        };
        let (_, text) = texts(&report).swap_remove(0);
        assert!(
            text.ends_with(" opened; 1 was refused, because the token's tag is wrong."),
            "{text}"
        );
    }

    #[test]
    fn keys_that_can_go_are_named() {
        let last = |ended: &[&str]| {
            let ended = ended.iter().map(|kid| key(kid, State::Ended));
            let keys = ended.chain([key("now", State::Seals)]).collect();
            texts(&report(keys)).pop().unwrap().1
        };
        assert_eq!(last(&[]), "No key can go now.");
        assert_eq!(
            last(&["a"]),
            "The key a can go, as far as this server knows."
        );
        assert_eq!(
            last(&["a", "b", "c"]),
            "The keys a, b and c can go, as far as this server knows."
        );
    }
}
