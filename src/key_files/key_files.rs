//! All key files of a configuration.

use std::collections::BTreeMap;
use std::ffi::{CStr, OsString};
use std::sync::{Arc, Mutex};

use session_crypto_core::{Keyring, locks};

use super::key_file::KeyFile;
use super::lines;
use super::shared_text::SharedText;
use crate::ffi::{self, Level, MainServer, OneWay, Parms, path, server_root_relative};
use crate::message::Message;
use crate::secrets::programs::{EXEC, Programs};
use crate::{advice, clock};

/// The key files of a configuration, by their names.
#[derive(Default)]
pub(crate) struct KeyFiles {
    files: Mutex<BTreeMap<OsString, Arc<KeyFile>>>,
}

impl KeyFiles {
    /// The file or the program that a word names, read now unless an earlier line has named
    /// it too.
    ///
    /// # Errors
    ///
    /// It cannot be read or run, or gives no JWK Set with a key that seals now.
    pub(crate) fn find(
        &self,
        parms: &Parms<'_>,
        keyring: &Keyring,
        programs: &Programs,
        word: &CStr,
    ) -> Result<Arc<KeyFile>, Message> {
        let now = clock::now();
        if let Some(command) = word.to_bytes_with_nul().strip_prefix(EXEC) {
            let command = CStr::from_bytes_with_nul(command).unwrap_or_default();
            let name = path(word).as_os_str().to_owned();
            return self.find_or(name, || {
                KeyFile::run(parms, keyring, programs, command, now)
            });
        }
        let file = server_root_relative(parms.temporary(), word)
            .ok_or_else(|| advice::no_file_name(&word.to_string_lossy()))?;
        let file = path(file).to_owned();
        self.find_or(file.clone().into_os_string(), || {
            KeyFile::read(parms, keyring, file, now)
        })
    }

    fn find_or(
        &self,
        name: OsString,
        read: impl FnOnce() -> Result<KeyFile, Message>,
    ) -> Result<Arc<KeyFile>, Message> {
        let mut files = self.lock();
        if let Some(known) = files.get(&name) {
            return Ok(known.clone());
        }
        let file = Arc::new(read()?);
        files.insert(name, file.clone());
        Ok(file)
    }

    /// All files, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<KeyFile>> {
        self.lock().values().cloned().collect()
    }

    /// Maps the memory through which children get new keys, before they are forked.
    ///
    /// # Errors
    ///
    /// There is no memory.
    pub(crate) fn share(&self, server: MainServer<'_>) -> Result<(), Message> {
        let files = self.lock();
        let watched: Vec<_> = files.values().filter(|file| file.path.is_some()).collect();
        if watched.is_empty() {
            return Ok(());
        }
        if ffi::is_one_process() {
            ffi::log_main(server, Level::Notice, &lines::read_once());
            return Ok(());
        }
        let memory = Arc::new(OneWay::new(SharedText::words(watched.len()))?);
        for (number, file) in watched.into_iter().enumerate() {
            file.share(&memory, number);
        }
        Ok(())
    }

    /// Looks at all files; the parent calls this every ten seconds.
    pub(crate) fn watch(&self, keyring: &Keyring, server: MainServer<'_>) {
        let now = clock::now();
        for file in self.lock().values() {
            file.look(keyring, now, &mut |level, message| {
                ffi::log_main(server, level, message);
            });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<OsString, Arc<KeyFile>>> {
        locks::lock(&self.files)
    }
}
