//! The state that a process keeps while a configuration is in force.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, Once, OnceLock};

use session_crypto_core::{Counters, Keyring, OncePerMinute, locks};

use crate::config::DEFAULT_LIFETIME;
use crate::key_files::KeyFiles;
use crate::revocation::{self, Revocation};
use crate::secrets::programs::Programs;

/// The state of a configuration, which the parent makes and children inherit.
pub(crate) struct State {
    pub(crate) key_files: KeyFiles,
    pub(crate) keyring: Keyring,
    pub(crate) programs: Programs,
    /// The settings of a list of ended sessions.
    revocation_settings: Mutex<Option<revocation::Settings>>,
    /// Set by the parent if the configuration has a list of ended sessions.
    revocation: OnceLock<Revocation>,
    /// Set by the parent when it has seen all sections.
    longest_lifetime: OnceLock<u64>,
    /// Done by the first line about the devices of sessions.
    devices: Once,
    /// The limit of warnings of cookies that are too long.
    pub(crate) cookie_warnings: OncePerMinute,
    /// Keys hashes that no visitor can foresee.
    hashes: RandomState,
}

impl State {
    pub(crate) fn new(keyring: Keyring, cookie_warnings: OncePerMinute) -> Self {
        Self {
            key_files: KeyFiles::default(),
            keyring,
            programs: Programs::default(),
            revocation_settings: Mutex::new(None),
            revocation: OnceLock::new(),
            longest_lifetime: OnceLock::new(),
            devices: Once::new(),
            cookie_warnings,
            hashes: RandomState::new(),
        }
    }

    /// The counters of what the server has done with sessions and keys.
    pub(crate) fn counters(&self) -> Counters {
        self.keyring.counters()
    }

    /// Notes what a line says of a list of ended sessions; a later line replaces an
    /// earlier one.
    pub(crate) fn set_revocation_settings(&self, settings: Option<revocation::Settings>) {
        *self.lock_revocation_settings() = settings;
    }

    /// Whether the configuration has a list of ended sessions, which the parent starts last.
    pub(crate) fn has_revocation_settings(&self) -> bool {
        self.lock_revocation_settings().is_some()
    }

    /// The settings of a list of ended sessions, for the parent to start it.
    pub(crate) fn take_revocation_settings(&self) -> Option<revocation::Settings> {
        self.lock_revocation_settings().take()
    }

    fn lock_revocation_settings(&self) -> MutexGuard<'_, Option<revocation::Settings>> {
        let settings = &self.revocation_settings;
        locks::lock(settings)
    }

    /// Does what servers need for the devices of sessions, for the first line about them.
    pub(crate) fn with_devices(&self, work: impl FnOnce()) {
        self.devices.call_once(work);
    }

    /// The list of ended sessions, if there is one.
    pub(crate) fn revocation(&self) -> Option<&Revocation> {
        self.revocation.get()
    }

    /// Puts a list of ended sessions in force, for the children too; the parent calls this
    /// once.
    pub(crate) fn set_revocation(&self, revocation: Revocation) {
        let _ = self.revocation.set(revocation);
    }

    /// The longest lifetime of sessions in any section, in seconds.
    pub(crate) fn longest_lifetime(&self) -> u64 {
        let longest = self.longest_lifetime.get().copied();
        longest.unwrap_or(DEFAULT_LIFETIME)
    }

    /// Notes the longest lifetime, for the children too; the parent calls this once.
    pub(crate) fn set_longest_lifetime(&self, seconds: u64) {
        let _ = self.longest_lifetime.set(seconds);
    }

    /// Stands for a value in this process.
    pub(crate) fn hash(&self, value: impl Hash) -> u64 {
        self.hashes.hash_one(value)
    }
}
