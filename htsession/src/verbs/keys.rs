//! Each key of a set, what it does now, and when that changes.

use std::path::Path;

use serde_json::{Value, json};
use session_crypto_core::KeySet;

use crate::arguments::KeysArguments;
use crate::failure::{Failure, Kind, Outcome};
use crate::farm;
use crate::farm::judgement::Judgement;
use crate::farm::key_file::KeyFile;
use crate::farm::servers::Servers;
use crate::secrets::key_set;
use crate::secrets::sealing::now;
use crate::shown::{keys, output};

/// Shows the keys of all files. A file that cannot be used does not hide the others.
pub(super) fn run(arguments: &KeysArguments, json: bool) -> Outcome<()> {
    if !arguments.farm.status.is_empty() {
        return of_farm(arguments, json);
    }
    let now = now().seconds;
    let (mut first, mut all) = (None, Vec::new());
    for path in &arguments.files {
        let shown = key_set::read(path).and_then(|set| {
            if json {
                all.push(as_json(path, &set, now));
            } else {
                show(path, &set, now)?;
            }
            set.check_at(now).map_err(|error| {
                let words = format!(
                    "{} {error}: 'htsession rotate --lead 0' adds one",
                    path.display()
                );
                Failure::new(Kind::Secrets, words)
            })
        });
        if let Err(failure) = shown {
            failure.report();
            first = first.or(Some(failure));
        }
    }
    if json {
        output::json(&Value::Array(all))?;
    }
    first.map_or(Ok(()), |failure| Err(failure.without_words()))
}

/// Shows the keys of all files and servers of a farm.
fn of_farm(arguments: &KeysArguments, json: bool) -> Outcome<()> {
    let files = arguments.files.iter().map(|path| {
        let set = key_set::read(path)?;
        Ok(KeyFile::of(&path.display().to_string(), &set))
    });
    let files = files.collect::<Outcome<Vec<_>>>()?;
    let servers = Servers::ask(&arguments.farm)?;
    let judgement = Judgement::of(files, &servers, now().seconds);
    if json {
        output::json(&farm::json::json(&judgement))?;
    } else {
        farm::words::show(&judgement)?;
    }
    farm::words::report(&judgement, json)
}

fn show(path: &Path, set: &KeySet, now: u64) -> Outcome<()> {
    let count = set.count();
    let plural = if count == 1 { "" } else { "s" };
    output::line(&format!("{}: {count} key{plural}", path.display()))?;
    let width = set.keys().map(|key| key.id().as_str().len()).max();
    let width = width.unwrap_or_default();
    for key in set.keys() {
        let (id, alg) = (key.id().as_str(), key.alg());
        let words = keys::words(set, key, now);
        output::line(&format!("  {id:width$}  {alg}  {words}"))?;
    }
    Ok(())
}

fn as_json(path: &Path, set: &KeySet, now: u64) -> Value {
    let keys: Vec<_> = set.keys().map(|key| keys::json(set, key, now)).collect();
    json!({"file": path.display().to_string(), "keys": keys})
}
