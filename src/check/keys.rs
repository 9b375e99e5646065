//! The ids of the keys that sections seal and open with, as the log tells them at startup:
//! so a search for the id that a refused token asks for finds the servers that have it.

use std::collections::{HashMap, HashSet};

use session_crypto_core::{Counters, KeyCounter, KeyCounts, SecretKind, Settings};

use crate::config::DirConfig;
use crate::ffi::{self, Level, Line, MainServer};
use crate::message::Code;

/// The most sections that have a line each.
const MOST: usize = 100;

/// Stands for a key that is not counted by itself.
const ANOTHER: &str = "another key";

const KEYS: Code = Code("SC0501");
const MORE: Code = Code("SC0502");

/// The keys of sections, of which those with the same keys count as one.
#[derive(Default)]
pub(super) struct SectionKeys {
    /// For each list of keys, a line that gives one of them.
    sections: Vec<(Line, Vec<KeyCounter>)>,
    known: HashSet<Vec<KeyCounter>>,
}

impl SectionKeys {
    /// Notes the keys in force in a section.
    pub(super) fn note(&mut self, config: &DirConfig<'_>, settings: Settings<'_>) {
        let keys = settings.key_counters();
        if let Some(line) = config.secrets_line() {
            if self.known.insert(keys.clone()) {
                self.sections.push((line, keys));
            }
        }
    }

    /// Writes the ids to the log.
    pub(super) fn say(&self, counters: Counters, server: MainServer<'_>) {
        let keys = counters.keys();
        let keys: HashMap<_, _> = keys.iter().map(|key| (key.counter, key)).collect();
        let (said, more) = match self.sections.split_at_checked(MOST) {
            Some((said, more)) => (said, more.len()),
            None => (self.sections.as_slice(), 0),
        };
        for (line, section) in said {
            let ids = section.iter().map(|key| {
                keys.get(key)
                    .map_or_else(|| ANOTHER.to_owned(), |key| id(key))
            });
            let ids: Vec<_> = ids.collect();
            let ids = ids.join(", ");
            let message = KEYS.says(format!("{line}: sessions open under {ids}"));
            ffi::log_main(server, Level::Info, &message);
        }
        if more > 0 {
            let message = MORE.says(format!("{more} more sections have keys of their own"));
            ffi::log_main(server, Level::Info, &message);
        }
    }
}

/// The id of a key; for a passphrase its place as well, because without JWE it has no id.
fn id(key: &KeyCounts) -> String {
    match (&key.kid, key.kind) {
        (Some(kid), SecretKind::Passphrase) => format!("{kid} ({})", key.place),
        (Some(kid), _) => kid.clone(),
        (None, SecretKind::Passphrase) => format!("the passphrase at {}", key.place),
        (None, _) => ANOTHER.to_owned(),
    }
}
