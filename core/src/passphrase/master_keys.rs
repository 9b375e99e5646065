//! Where JWE master keys come from: the parent, another process, or else a
//! derivation that somebody pays for.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::algorithm::derivation::Master;
use crate::algorithm::digest::Digest;
use crate::cache::slot::Obtained;
use crate::error::LibraryError;
use crate::passphrase::allowance::{Allowance, KeyUse, Payer};
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
    /// Pays for keys that no process has.
    pub(crate) allowance: Allowance,
    jobs: Mutex<Jobs>,
}

#[derive(Default)]
struct Jobs {
    noted: HashSet<(u64, usize)>,
    open: Vec<MasterJob>,
}

/// A master key that the configuration needs.
pub struct MasterJob {
    passphrase: Arc<Passphrase>,
    digest: Digest,
    slot: Arc<MasterSlot>,
}

impl MasterKeys {
    /// Keeps the keys that requests need in `memory.masters`, under names that follow from
    /// `naming_key`.
    pub(crate) fn new(naming_key: [u8; 16], memory: SharedMemory) -> Self {
        let counters = SharedMemory::COUNTERS.min(memory.masters.len());
        let (counters, words) = memory.masters.split_at(counters);
        Self {
            naming_key,
            table: MasterTable::new(words, naming_key),
            allowance: Allowance::new(counters),
            jobs: Mutex::default(),
        }
    }

    /// Notes a key that is to be derived before the children fork.
    pub(crate) fn note(
        &self,
        passphrase: &Arc<Passphrase>,
        digest: &Digest,
    ) -> Result<(), LibraryError> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        if jobs.noted.insert((passphrase.id(), digest.id())) {
            let slot = self.slot(passphrase, digest)?;
            jobs.open.push(MasterJob {
                passphrase: passphrase.clone(),
                digest: digest.clone(),
                slot,
            });
        }
        Ok(())
    }

    /// Hands over what was noted.
    pub(crate) fn jobs(&self) -> Vec<MasterJob> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut jobs.open)
    }

    /// The slot of a passphrase's key, derived or not.
    pub(crate) fn slot(
        &self,
        passphrase: &Passphrase,
        digest: &Digest,
    ) -> Result<Arc<MasterSlot>, LibraryError> {
        passphrase.master_slot(digest, &self.naming_key)
    }

    /// The key, if this process or any other has it.
    pub(crate) fn known<'p>(
        &self,
        slot: &'p MasterSlot,
        now: u64,
    ) -> Result<Option<&'p Master>, LibraryError> {
        if let Some(master) = slot.master.get() {
            return Ok(Some(master));
        }
        let Some(words) = self.table.find(&slot.name, now) else {
            return Ok(None);
        };
        let master = Master::restore(&to_bytes(&words))?;
        Ok(Some(slot.master.get_or_init(|| master)))
    }

    /// The key, and whether it was derived now because no process had it; `None` if
    /// the rate of derivations is used up.
    pub(crate) fn find_or_derive<'p>(
        &self,
        slot: &'p MasterSlot,
        (passphrase, digest): (&Passphrase, &Digest),
        (payer, usage): (Payer, KeyUse),
        now: u64,
    ) -> Result<Option<Obtained<&'p Master>>, LibraryError> {
        let _search = slot.search.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..LOOKS {
            if let Some(key) = self.known(slot, now)? {
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
        let derived = Master::derive(passphrase.secret(), digest);
        if derived.is_err() {
            self.table.release(&slot.name);
        }
        let key = slot.master.get_or_init({
            let master = derived?;
            || master
        });
        self.table.publish(&slot.name, &to_words(key.bytes()), now);
        Ok(Some(Obtained { key, is_new: true }))
    }
}

impl MasterJob {
    /// The key's name, the same for as long as the seed is: 32 bytes from
    /// which nobody finds the passphrase without it.
    pub fn name(&self) -> [u8; 32] {
        *to_bytes(&self.slot.name)
    }

    /// Whether it may be derived on another thread than the main one, beside
    /// others: an engine or provider might not be made for that.
    pub fn is_side_by_side(&self) -> bool {
        !self.digest.is_supplied()
    }

    /// Takes the key from where it was kept.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn restore(&self, key: &[u8; 32]) -> Result<(), LibraryError> {
        let master = Master::restore(key)?;
        self.slot.master.get_or_init(|| master);
        Ok(())
    }

    /// Derives the key; a tenth of a second and more.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive(&self) -> Result<(), LibraryError> {
        let master = Master::derive(self.passphrase.secret(), &self.digest)?;
        self.slot.master.get_or_init(|| master);
        Ok(())
    }

    /// The key, to be kept, once it is there.
    pub fn key(&self) -> Option<&[u8; 32]> {
        self.slot.master.get().map(Master::bytes)
    }
}
