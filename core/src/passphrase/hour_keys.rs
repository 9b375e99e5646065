//! The passphrases that need a classic key each hour.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex};

use crate::algorithm::digest::Digest;
use crate::panics::locks;
use crate::passphrase::passphrase::Passphrase;

/// The priority of a section's keys where not all can be derived ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Requests that name no host of the server get here.
    Default,
    /// Only requests that name the host get here.
    Named,
}

/// The passphrases and digests of a configuration that seal in the classic format.
#[derive(Default)]
pub(crate) struct HourKeys(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    keys: Vec<HourKey>,
    /// The position of each key, by the ids of its passphrase and digest.
    positions: HashMap<(u64, usize), usize>,
}

struct HourKey {
    passphrase: Arc<Passphrase>,
    digest: Digest,
    priority: Priority,
}

impl HourKeys {
    /// Notes what a section seals with. Its highest priority counts.
    pub(crate) fn note(&self, passphrase: &Arc<Passphrase>, digest: &Digest, priority: Priority) {
        let mut noted = locks::lock(&self.0);
        let Noted { keys, positions } = &mut *noted;
        match positions.entry((passphrase.id(), digest.id())) {
            Entry::Occupied(position) => {
                if let Some(key) = keys.get_mut(*position.get()) {
                    key.priority = key.priority.min(priority);
                }
            }
            Entry::Vacant(position) => {
                position.insert(keys.len());
                keys.push(HourKey {
                    passphrase: passphrase.clone(),
                    digest: digest.clone(),
                    priority,
                });
            }
        }
    }

    /// The first of what was noted, at most `most`, in the order in which keys are derived.
    pub(crate) fn first(&self, most: usize) -> Vec<(Arc<Passphrase>, Digest)> {
        let noted = locks::lock(&self.0);
        let of = |priority| {
            let keys = noted.keys.iter();
            keys.filter(move |key| key.priority == priority)
        };
        of(Priority::Default)
            .chain(of(Priority::Named))
            .take(most)
            .map(|key| (key.passphrase.clone(), key.digest.clone()))
            .collect()
    }
}
