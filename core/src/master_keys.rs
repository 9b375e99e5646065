//! Where JWE master keys come from: the parent, another process, or else a
//! derivation that somebody pays for.

use std::collections::HashSet;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::derivation::Master;
use crate::digest::Digest;
use crate::error::LibraryError;
use crate::hmac;
use crate::hour::Seed;
use crate::master_table::{MasterTable, Name, Words};
use crate::passphrase::Passphrase;
use crate::rate::{PARTS, Rate};
use crate::shared_memory::SharedMemory;

/// The one who pays for a master key that no parent could derive, or for passphrases
/// that are tried on private keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Payer {
    /// The server's configuration, for settings that only a request brings
    /// together.
    #[default]
    Server,
    /// The user who owns a `.htaccess` file, by number.
    Author(u32),
}

impl Payer {
    /// The author, or else the other payer.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        match self {
            Self::Server => other,
            author @ Self::Author(_) => author,
        }
    }
}

/// The use that a key is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    Sealing,
    /// Any client can ask for it, so half of every burst is kept back for sealing.
    Opening,
}

/// Derivations on demand of a whole server: 2.4 % of one processor, at 0.12 s
/// each.
const ALL: Rate = Rate {
    interval: 5,
    burst: 16,
};

/// The rate for one payer, half of that for all: no payer can take more.
const EACH: Rate = Rate {
    interval: 10,
    burst: 8,
};

/// How long a thread waits for another process to derive the key: so many
/// times so many milliseconds.
const PATIENCE: (u32, u64) = (100, 10);

/// The place of a master key in a process, derived or not.
pub(crate) struct MasterPlace {
    name: Name,
    master: OnceLock<Master>,
    /// Held by the thread that is looking for the key elsewhere.
    search: Mutex<()>,
}

/// The master keys that a server can have.
pub(crate) struct Masters {
    seed: Seed,
    table: MasterTable,
    counters: &'static [AtomicU64],
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
    place: Arc<MasterPlace>,
}

impl Masters {
    /// Keeps the keys of requests in `memory.masters`, under names made with `seed`.
    pub(crate) fn new(seed: Seed, memory: SharedMemory) -> Self {
        let counters = SharedMemory::COUNTERS.min(memory.masters.len());
        let (counters, words) = memory.masters.split_at(counters);
        Self {
            seed,
            table: MasterTable::new(words, seed.0),
            counters,
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
            let place = passphrase.master_place(digest, self)?;
            jobs.open.push(MasterJob {
                passphrase: passphrase.clone(),
                digest: digest.clone(),
                place,
            });
        }
        Ok(())
    }

    /// Hands over what was noted.
    pub(crate) fn jobs(&self) -> Vec<MasterJob> {
        let mut jobs = self.jobs.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut jobs.open)
    }

    /// The place of a passphrase's key; nothing is derived yet.
    pub(crate) fn place(
        &self,
        secret: &[u8],
        digest: &Digest,
    ) -> Result<MasterPlace, LibraryError> {
        let parts = [NAME_LABEL, &[0], digest.label().as_bytes(), &[0], secret];
        let name = hmac::sha256(&self.seed.0, &parts)
            .map_err(|stack| LibraryError::new("name a key", &stack))?;
        Ok(MasterPlace {
            name: *to_words(&name),
            master: OnceLock::new(),
            search: Mutex::default(),
        })
    }

    /// The key, if this process or any other has it.
    pub(crate) fn known<'p>(
        &self,
        place: &'p MasterPlace,
        now: u64,
    ) -> Result<Option<&'p Master>, LibraryError> {
        if let Some(master) = place.master.get() {
            return Ok(Some(master));
        }
        let Some(words) = self.table.find(&place.name, now) else {
            return Ok(None);
        };
        let master = Master::restore(&to_bytes(&words))?;
        Ok(Some(place.master.get_or_init(|| master)))
    }

    /// The key, and whether it was derived now because no process had it; `None` if
    /// the rate of derivations is used up.
    pub(crate) fn find_or_derive<'p>(
        &self,
        place: &'p MasterPlace,
        (passphrase, digest): (&Passphrase, &Digest),
        (payer, usage): (Payer, Use),
        now: u64,
    ) -> Result<Option<(&'p Master, bool)>, LibraryError> {
        let _search = place.search.lock().unwrap_or_else(PoisonError::into_inner);
        let (times, milliseconds) = PATIENCE;
        for _ in 0..times {
            if let Some(master) = self.known(place, now)? {
                passphrase.note_use();
                return Ok(Some((master, false)));
            }
            if !self.table.is_claimed(&place.name, now) {
                break;
            }
            thread::sleep(Duration::from_millis(milliseconds));
        }
        if !self.pay(payer, usage, PARTS, now) {
            return Ok(None);
        }
        self.table.claim(&place.name, now);
        let derived = Master::derive(passphrase.secret(), digest);
        if derived.is_err() {
            self.table.release(&place.name);
        }
        let master = place.master.get_or_init({
            let master = derived?;
            || master
        });
        self.table
            .publish(&place.name, &to_words(master.bytes()), now);
        Ok(Some((master, true)))
    }

    /// Has a payer pay for parts of a derivation, of which a whole one has
    /// [`PARTS`]; says whether there was enough left.
    pub(crate) fn pay(&self, payer: Payer, usage: Use, parts: u64, now: u64) -> bool {
        let Some((all, own)) = self.accounts(payer) else {
            return false;
        };
        let reserve = |rate: Rate| match usage {
            Use::Sealing => 0,
            Use::Opening => rate.burst / 2,
        };
        if !EACH.take(own, parts, now, reserve(EACH)) {
            return false;
        }
        let paid = ALL.take(all, parts, now, reserve(ALL));
        if !paid {
            EACH.give_back(own, parts);
        }
        paid
    }

    /// Gives parts back to the payer that were not used.
    pub(crate) fn give_back(&self, payer: Payer, parts: u64) {
        if let Some((all, own)) = self.accounts(payer) {
            ALL.give_back(all, parts);
            EACH.give_back(own, parts);
        }
    }

    /// The account of all, and that of the payer.
    fn accounts(&self, payer: Payer) -> Option<(&AtomicU64, &AtomicU64)> {
        let (all, payers) = self.counters.split_first()?;
        let index = match payer {
            Payer::Server => 0,
            // Two users may share a word: neither has more than half of all.
            Payer::Author(number) => {
                let number = usize::try_from(number).ok()?;
                let index = number.checked_rem(payers.len().saturating_sub(1))?;
                index.checked_add(1)?
            }
        };
        Some((all, payers.get(index)?))
    }
}

/// Goes before the digest and the passphrase of a name.
const NAME_LABEL: &[u8] = b"mod_session_crypto master key";

impl MasterJob {
    /// The key's name, the same for as long as the seed is: 32 bytes from
    /// which nobody finds the passphrase without it.
    pub fn name(&self) -> [u8; 32] {
        *to_bytes(&self.place.name)
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
        self.place.master.get_or_init(|| master);
        Ok(())
    }

    /// Derives the key; a tenth of a second and more.
    ///
    /// # Errors
    ///
    /// OpenSSL fails.
    pub fn derive(&self) -> Result<(), LibraryError> {
        let master = Master::derive(self.passphrase.secret(), &self.digest)?;
        self.place.master.get_or_init(|| master);
        Ok(())
    }

    /// The key, to be kept, once it is there.
    pub fn key(&self) -> Option<&[u8; 32]> {
        self.place.master.get().map(Master::bytes)
    }
}

fn to_words(bytes: &[u8; 32]) -> Words {
    let mut words = Words::default();
    for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
        *word = bytes.try_into().map(u64::from_ne_bytes).unwrap_or_default();
    }
    words
}

fn to_bytes(words: &[u64; 4]) -> Zeroizing<[u8; 32]> {
    let mut bytes = Zeroizing::new([0; 32]);
    for (bytes, word) in bytes.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_ne_bytes());
    }
    bytes
}
