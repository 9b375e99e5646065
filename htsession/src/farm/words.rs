//! The judgement of a farm, for people.

use session_crypto_status::{Kind as KeyKind, State, and, count};

use crate::failure::{Failure, Kind, Outcome, warn};
use crate::farm::behind::{Behind, How};
use crate::farm::judgement::{Judged, Judgement, Verdict};
use crate::farm::key_file::KeyFile;
use crate::shown::output;
use crate::shown::text::shown;
use crate::shown::times::{span, time};

/// Shows each key, and what to do next.
///
/// # Errors
///
/// Standard output cannot be written.
pub(crate) fn show(judgement: &Judgement<'_>) -> Outcome<()> {
    if judgement.servers.answered.is_empty() {
        return output::line("No server has answered, so no key can go now.");
    }
    for (number, file) in judgement.files.iter().enumerate() {
        let name = shown(file.name.as_bytes());
        let name = if file.is_here {
            name
        } else {
            format!("{name} on servers")
        };
        show_group(judgement, &name, |key| key.key.file == Some(number))?;
    }
    for (kind, name) in [
        (KeyKind::Set, "Keys that are in none of these files"),
        (KeyKind::Passphrase, "Passphrases"),
        (KeyKind::Certificate, "Certificates"),
    ] {
        show_group(judgement, name, |key| {
            key.key.file.is_none() && key.key.kind == kind
        })?;
    }
    let may_go = judgement.keys.iter().filter(|key| key.may_go());
    let names: Vec<_> = may_go.map(|key| shown(key.key.name().as_bytes())).collect();
    output::line(&match names.as_slice() {
        [] => "No key can go now.".to_owned(),
        [name] => format!("The key {name} can go."),
        _ => format!("The keys {} can go.", and(&names)),
    })
}

fn show_group(
    judgement: &Judgement<'_>,
    name: &str,
    is_of: impl Fn(&Judged) -> bool,
) -> Outcome<()> {
    let keys: Vec<_> = judgement.keys.iter().filter(|key| is_of(key)).collect();
    if keys.is_empty() {
        return Ok(());
    }
    output::line(&format!(
        "{name}: {}, {}, a key can go after {} without use",
        count(keys.len(), "key"),
        count(judgement.servers.count(), "server"),
        span(judgement.lifetime)
    ))?;
    for judged in keys {
        output::line(&format!("  {}", shown(judged.key.name().as_bytes())))?;
        for words in [
            states(judgement, judged),
            last_opened(judgement, judged),
            next(judgement, judged),
        ] {
            output::line(&format!("    {words}"))?;
        }
    }
    Ok(())
}

/// The work of each server with a key, in words.
fn states(judgement: &Judgement<'_>, judged: &Judged) -> String {
    let all = judged.key.on.len();
    let phrases = [
        (Some(State::Seals), "seals on"),
        (Some(State::Opens), "opens on"),
        (Some(State::Begins), "waits on"),
        (Some(State::Ended), "has ended on"),
        (Some(State::Several), "may be one of several on"),
        (None, "is not on"),
    ];
    let phrases = phrases.into_iter().filter_map(|(state, words)| {
        let known = |state| {
            if state == Some(State::Gone) {
                None
            } else {
                state
            }
        };
        let servers = judged.key.servers_that(|other| known(other) == state);
        let names: Vec<_> = servers
            .iter()
            .map(|server| judgement.name(*server))
            .collect();
        match names.len() {
            0 => None,
            count if count == all && count > 2 => Some(format!("{words} all {count} servers")),
            _ => Some(format!("{words} {}", and(&names))),
        }
    });
    let phrases: Vec<_> = phrases.collect();
    phrases.join("; ")
}

/// When a key opened a token last, on whichever server.
fn last_opened(judgement: &Judgement<'_>, judged: &Judged) -> String {
    let servers = judgement.servers.answered.iter().zip(&judged.key.on);
    let opened = servers.filter_map(|(server, on)| {
        let ago = server.report.now.saturating_sub(on.last_opened?);
        Some((ago, server.name.as_str()))
    });
    match opened.min() {
        Some((0, name)) => format!("opened a session just now, on {name}"),
        Some((ago, name)) => format!("opened a session {} ago, on {name}", span(ago)),
        None if judged.key.on.iter().any(|on| on.last_sealed.is_some()) => {
            "has opened no session yet".to_owned()
        }
        None => {
            let idle = judged.key.on.iter().map(|on| on.idle).min();
            let idle = span(idle.unwrap_or_default());
            format!("not used in the time that is counted: {idle}")
        }
    }
}

/// The next step with a key.
pub(super) fn next(judgement: &Judgement<'_>, judged: &Judged) -> String {
    let first = if judged.is_held {
        format!(", once {}", see_to(judgement, judged))
    } else {
        String::new()
    };
    let words = match judged.verdict {
        Verdict::Ended | Verdict::Unused if judged.is_held => {
            format!("keep it: it can go{first}")
        }
        Verdict::Ended => "it can go: 'htsession rotate' takes it out".to_owned(),
        Verdict::Unused => match judged.key.kind {
            KeyKind::Set => "it can go: take it out of its file".to_owned(),
            // It may be the new one of a rotation that has just begun.
            _ if judged
                .key
                .on
                .iter()
                .all(|on| on.last_opened.is_none() && on.last_sealed.is_none()) =>
            {
                "it can go, unless it is to seal next: take it out of its list".to_owned()
            }
            _ => "it can go: take it out of its list".to_owned(),
        },
        Verdict::InUse(wait) => format!(
            "keep it: it can go in {}, unless it is used before then{first}",
            span(wait)
        ),
        Verdict::Seals => "keep it: it seals".to_owned(),
        Verdict::WillSeal(Some(at)) => {
            format!("keep it: it seals from {}", time(at, judgement.now))
        }
        Verdict::WillSeal(None) => "keep it: it is going to seal".to_owned(),
        Verdict::Unknown if judgement.servers.answered.is_empty() => {
            "keep it: no server has answered".to_owned()
        }
        Verdict::Unknown => match judged.key.kind {
            KeyKind::Passphrase => {
                "keep it: a server may have it at another place, make all lists alike".to_owned()
            }
            _ => "keep it: a server does not count it by itself".to_owned(),
        },
    };
    match ends_early(judgement, judged) {
        Some(end) => format!(
            "{words}; it ends {}, before sessions under it do: give it a later end",
            time(end, judgement.now)
        ),
        None => words,
    }
}

/// The end of a key, if sessions that it has sealed may live longer.
fn ends_early(judgement: &Judgement<'_>, judged: &Judged) -> Option<u64> {
    // Clocks and answers may differ by this.
    const SOME: u64 = 60;
    let kid = judged.key.kid.as_deref()?;
    let file = judgement.files.get(judged.key.file?)?;
    let end = file.key(kid)?.exp.filter(|end| *end > judgement.now)?;
    let last = judged.key.on.iter().filter_map(|on| on.last_sealed).max()?;
    let needed = last.saturating_add(judgement.lifetime);
    (end.saturating_add(SOME) < needed).then_some(end)
}

/// The names of the servers that must be seen to before a key goes, and what about them.
pub(super) fn see_to(judgement: &Judgement<'_>, judged: &Judged) -> String {
    let silent = &judgement.servers.silent;
    let silent: Vec<_> = silent.iter().map(|server| server.name.as_str()).collect();
    let behind = judgement.behind.iter();
    let behind = behind.filter(|behind| {
        let file = judged.key.file;
        file.is_none() || behind.file.is_none() || behind.file == file
    });
    let mut behind: Vec<_> = behind.map(|behind| judgement.name(behind.server)).collect();
    behind.dedup();
    let verb = |names: &[&str], one: &str, many: &str| match names.len() {
        0 => None,
        1 => Some(format!("{} {one}", and(names))),
        _ => Some(format!("{} {many}", and(names))),
    };
    let parts = [
        verb(&silent, "answers", "answer"),
        verb(&behind, "is as it should be", "are as they should be"),
    ];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    parts.join(" and ")
}

/// The words about servers that need a hand, and the kind of the failure; if a file is named,
/// about those alone that concern it.
pub(crate) fn troubles(
    judgement: &Judgement<'_>,
    file: Option<usize>,
) -> (Option<Kind>, Vec<String>) {
    let silent = judgement.servers.silent.iter();
    let mut troubles: Vec<_> = silent.map(|server| server.words.clone()).collect();
    let mut kind = (!troubles.is_empty()).then_some(Kind::Silent);
    let concerns =
        |behind: &&Behind| file.is_none() || behind.file.is_none() || behind.file == file;
    for behind in judgement.behind.iter().filter(concerns) {
        troubles.push(about(judgement, behind));
        kind = kind.or(Some(Kind::NotReady));
    }
    (kind, troubles)
}

/// Reports what is wrong with servers, one line each.
///
/// # Errors
///
/// Something is.
pub(crate) fn report(judgement: &Judgement<'_>, json: bool) -> Outcome<()> {
    let (kind, troubles) = troubles(judgement, None);
    let Some(kind) = kind else { return Ok(()) };
    if json {
        return Err(Failure::new(kind, troubles.join("; ")));
    }
    troubles.iter().for_each(warn);
    Err(Failure::reported(kind))
}

/// The words about a server whose keys are not those of the others.
pub(super) fn about(judgement: &Judgement<'_>, behind: &Behind) -> String {
    let name = judgement.name(behind.server);
    let file = behind.file.and_then(|file| judgement.files.get(file));
    let is_here = file.is_some_and(|file| file.is_here);
    let file = file.map_or_else(String::new, |file: &KeyFile| shown(file.name.as_bytes()));
    let push = if is_here {
        format!("push {file} to it, and wait 30 seconds")
    } else {
        "push one file to all servers, and wait 30 seconds".to_owned()
    };
    let keys = |kids: &[String]| {
        let kids: Vec<_> = kids.iter().map(|kid| shown(kid.as_bytes())).collect();
        let plural = if kids.len() == 1 { "" } else { "s" };
        format!("the key{plural} {}", and(&kids))
    };
    let words = match &behind.how {
        How::Clock { ahead, seconds } => {
            let way = if *ahead { "ahead of" } else { "behind" };
            return format!(
                "{name} has a clock that is {} {way} that of this host: set both by NTP",
                span(*seconds)
            );
        }
        How::SameAs(other) => {
            let other = judgement.name(*other);
            return format!("{name} and {other} are one server: name each server once");
        }
        How::CountsNothing => {
            return format!("{name} counts nothing: its error log says why");
        }
        How::HasNewer(kids) => {
            return format!(
                "{name} has {}, and {file} here has not: use the file of the host that rotates",
                keys(kids)
            );
        }
        How::HasNone => format!("{name} is behind, it has no key of {file}: {push}"),
        How::Lacks(kids) => format!(
            "{name} is behind, it lacks {} of {file}: {push}",
            keys(kids)
        ),
        How::HasOlder(kids) => format!(
            "{name} is behind, it still has {}, and {file} has not: {push}",
            keys(kids)
        ),
        How::OtherDates(kids) => format!(
            "{name} is behind, it has {} of {file} with other dates: {push}",
            keys(kids)
        ),
        How::SealsWith(Some(kid), expected) => format!(
            "{name} is behind, it seals with {kid} of {file} and not with {expected}: {push}",
            kid = shown(kid.as_bytes()),
            expected = shown(expected.as_bytes())
        ),
        How::SealsWith(None, expected) => format!(
            "{name} is behind, it seals with no key of {file}, and should with {}: {push}",
            shown(expected.as_bytes())
        ),
    };
    let server = judgement.servers.answered.get(behind.server);
    let failed = server.map_or(0, |server| server.report.counters.reloads.failed);
    if failed == 0 {
        return words;
    }
    format!("{words}; it has found a changed file that it cannot use, and its error log says why")
}

/// A time as an argument of the command, like `30d`.
pub(super) fn argument(seconds: u64) -> String {
    for (unit, name) in [(86_400, "d"), (3_600, "h"), (60, "min")] {
        if seconds.checked_rem(unit) == Some(0) {
            return format!("{}{name}", seconds.checked_div(unit).unwrap_or_default());
        }
    }
    format!("{seconds}s")
}
