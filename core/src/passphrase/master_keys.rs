//! How a process gets the master keys of JWE: from its parent, from another process, or
//! by a derivation that a payer pays for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::algorithm::derivation::MasterKey;
use crate::algorithm::digest::Digest;
use crate::cache::slot::Obtained;
use crate::counters::counters::Counters;
use crate::counters::event::Event;
use crate::error::LibraryError;
use crate::panics::locks;
use crate::passphrase::allowance::{Allowance, KeyUse, Payer};
use crate::passphrase::key_job::KeyJob;
use crate::passphrase::master_slot::{MasterSlot, to_bytes, to_words};
use crate::passphrase::master_table::MasterTable;
use crate::passphrase::passphrase::Passphrase;
use crate::rate::PARTS;
use crate::shared_memory::SharedMemory;

/// The number of times that a thread looks for a key that another process derives.
const LOOKS: u32 = 100;
/// The pause between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// The master keys of a server, and the means to get them.
pub(crate) struct MasterKeys {
    naming_key: [u8; 16],
    table: MasterTable,
    counters: Counters,
    /// The accounts that pay for keys which no process has.
    pub(crate) allowance: Allowance,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    /// The ids of passphrase and digest of each key that was ever noted.
    noted: HashSet<(u64, usize)>,
    /// The jobs that are not handed over yet.
    open: Vec<KeyJob>,
}

impl MasterKeys {
    /// Keeps the keys that requests need in `memory.masters`, under names that follow from
    /// `naming_key`.
    pub(crate) fn new(naming_key: [u8; 16], memory: SharedMemory) -> Self {
        let rates = SharedMemory::RATES.min(memory.masters.len());
        let (rates, words) = memory.masters.split_at(rates);
        Self {
            naming_key,
            table: MasterTable::new(words, naming_key),
            allowance: Allowance::new(rates),
            counters: memory.counters,
            jobs: Mutex::default(),
        }
    }

    /// Notes a key that is to be derived before the children fork.
    pub(crate) fn note(&self, passphrase: &Arc<Passphrase>, digest: &Digest) {
        let mut jobs = locks::lock(&self.jobs);
        if jobs.noted.insert((passphrase.id(), digest.id())) {
            let slot = self.slot(passphrase, digest);
            let job = KeyJob::master((passphrase.clone(), digest.clone()), slot, self.counters);
            jobs.open.push(job);
        }
    }

    /// Hands over the jobs for the keys that were noted.
    pub(crate) fn jobs(&self) -> Vec<KeyJob> {
        let mut jobs = locks::lock(&self.jobs);
        std::mem::take(&mut jobs.open)
    }

    /// The slot of a passphrase's master key under a digest.
    pub(crate) fn slot(&self, passphrase: &Passphrase, digest: &Digest) -> Arc<MasterSlot> {
        passphrase.master_slot(digest, &self.naming_key)
    }

    /// The key of a slot, if this process or another one has it.
    pub(crate) fn known<'p>(&self, slot: &'p MasterSlot, now: u64) -> Option<&'p MasterKey> {
        slot.key.get().or_else(|| {
            let words = self.table.find(&slot.name, now)?;
            let restore = || MasterKey::restore(&to_bytes(&words));
            Some(slot.key.get_or_init(restore))
        })
    }

    /// The key of a slot, derived now if no process has it; `None` if the payer has no
    /// derivation left.
    pub(crate) fn find_or_derive<'p>(
        &self,
        slot: &'p MasterSlot,
        (passphrase, digest): (&Passphrase, &Digest),
        (payer, usage): (Payer, KeyUse),
        now: u64,
    ) -> Result<Option<Obtained<&'p MasterKey>>, LibraryError> {
        let _search = locks::lock(&slot.search);
        for _ in 0..LOOKS {
            if let Some(key) = self.known(slot, now) {
                passphrase.note_use();
                return Ok(Some(Obtained { key, is_new: false }));
            }
            if !self.table.is_claimed(&slot.name, now) {
                break;
            }
            thread::sleep(PAUSE);
        }
        if !self.allowance.pay(payer, usage, PARTS, now) {
            return Ok(None);
        }
        self.table.claim(&slot.name, now);
        self.counters.count(Event::Derivation, 0);
        let derived = MasterKey::derive(passphrase.secret(), digest);
        if derived.is_err() {
            self.table.release(&slot.name);
        }
        let key = slot.key.get_or_init({
            let master = derived?;
            || master
        });
        self.table.publish(&slot.name, &to_words(key.bytes()), now);
        Ok(Some(Obtained { key, is_new: true }))
    }
}
