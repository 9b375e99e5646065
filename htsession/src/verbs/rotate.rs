//! A new key that begins later, and an end for the older ones.

use std::path::Path;

use serde_json::json;
use session_crypto_core::{KeySet, OpenSslRandom, Rotation, SetKey};

use crate::arguments::{RotateArguments, is_stream};
use crate::failure::{Failure, Kind, Outcome};
use crate::farm;
use crate::farm::servers::Servers;
use crate::files::replaced::Locked;
use crate::secrets::key_set;
use crate::secrets::sealing::now;
use crate::shown::output;
use crate::shown::times::{span, time};

/// Seconds by which the clock of the host that made the last key may have been ahead.
const CLOCK_ERROR: u64 = 3600;

/// Rotates the set of a file, or of standard input.
pub(super) fn run(arguments: &RotateArguments, json: bool) -> Outcome<()> {
    let file = &arguments.file;
    if is_stream(file) {
        let set = key_set::read(file)?;
        let now = now().seconds;
        let set = match age(&set, arguments.if_older, now) {
            Some(_) => set,
            None => rotated(&set, arguments, now)?,
        };
        return output::write(set.to_json().as_bytes());
    }
    let locked = Locked::open(file)?;
    // After the wait for the lock.
    let now = now().seconds;
    let old = key_set::read(locked.path())?;
    if let Some(age) = age(&old, arguments.if_older, now) {
        return if json {
            output::json(&json!({"file": file.display().to_string(), "rotated": false, "age": age}))
        } else {
            let words = format!("the newest key is {} old, and stays the newest", span(age));
            output::line(&format!("{}: {words}", file.display()))
        };
    }
    let new = rotated(&old, arguments, now)?;
    locked.replace(new.to_json().as_bytes())?;
    report(file, &old, &new, now, json)
}

fn rotated(set: &KeySet, arguments: &RotateArguments, now: u64) -> Outcome<KeySet> {
    let not_before = now.saturating_add(arguments.lead);
    let rotation = Rotation {
        now,
        not_before,
        older_end: not_before.saturating_add(arguments.keep),
    };
    let file = arguments.file.display();
    let made = set.keys().filter_map(|key| key.dates().issued_at).max();
    if let Some(made) = made.filter(|made| *made > now.saturating_add(CLOCK_ERROR)) {
        let made = time(made, now);
        let words = format!(
            "{file} has a key that was made {made}: with a clock that is behind, the older keys \
             would end too early; set it right"
        );
        return Err(Failure::new(Kind::Secrets, words));
    }
    let rotated = set.rotated(rotation, &mut OpenSslRandom);
    let rotated =
        rotated.map_err(|error| Failure::new(Kind::Secrets, format!("{file} {error}")))?;
    match gap(&rotated, now) {
        None if arguments.farm.status.is_empty() => Ok(rotated),
        None => {
            let servers = Servers::ask(&arguments.farm)?;
            farm::rotation::check(&arguments.file, (set, &rotated), rotation, &servers)?;
            Ok(rotated)
        }
        Some(at) => {
            let at = time(at, now);
            let words = format!(
                "{file} would have no key that seals from {at} until the new one begins: a \
                 shorter --lead closes the gap"
            );
            Err(Failure::new(Kind::Secrets, words))
        }
    }
}

/// The first time from now on at which no key of a set seals.
fn gap(set: &KeySet, now: u64) -> Option<u64> {
    let mut at = now;
    while set.sealing(at).is_some() {
        at = set.next_change(at)?;
    }
    Some(at)
}

/// The seconds since the newest key was made, if they are less than `least`. A key
/// without a date counts as old.
fn age(set: &KeySet, least: Option<u64>, now: u64) -> Option<u64> {
    let made = |key: &SetKey| key.dates().issued_at.or(key.dates().not_before);
    let newest = set.keys().filter_map(made).max()?;
    let age = now.saturating_sub(newest);
    (age < least?).then_some(age)
}

fn report(file: &Path, old: &KeySet, new: &KeySet, now: u64, json: bool) -> Outcome<()> {
    let added = new.keys().find(|key| old.by_id(key.id()).is_none());
    let Some(added) = added else {
        return Ok(());
    };
    let begins = added.dates().not_before.unwrap_or(now);
    let ends = new.keys().filter_map(|key| key.dates().expires).max();
    let dropped = old.keys().filter(|key| new.by_id(key.id()).is_none());
    let dropped: Vec<_> = dropped.map(|key| key.id().to_string()).collect();
    if json {
        return output::json(&json!({
            "file": file.display().to_string(),
            "rotated": true,
            "kid": added.id().as_str(),
            "nbf": begins,
            "older_end": ends,
            "dropped": dropped,
        }));
    }
    let (file, id) = (file.display(), added.id());
    output::line(&format!(
        "{file}: the key {id} seals from {}",
        time(begins, now)
    ))?;
    if let Some(ends) = ends {
        output::line(&format!(
            "{file}: older keys open until {}",
            time(ends, now)
        ))?;
    }
    if !dropped.is_empty() {
        output::line(&format!(
            "{file}: dropped, because ended: {}",
            dropped.join(", ")
        ))?;
    }
    Ok(())
}
