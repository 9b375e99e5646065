//! The words of SessionCryptoRevocation.

use std::ffi::CStr;
use std::fs;
use std::path::{Path, PathBuf};

use session_crypto_agent::{Address, Authorities};
use session_crypto_core::RevocationTable;

use super::{advice, kept_file, password_file};
use crate::advice::no_file_name;
use crate::ffi::{Level, Parms, is_config_test, log_server, path, server_root_relative};
use crate::message::Message;

/// A list of ended sessions, as the configuration describes it.
pub(crate) struct Settings {
    /// The sessions that it has room for.
    pub(super) size: usize,
    /// The file that keeps it over a full stop.
    pub(super) file: Option<PathBuf>,
    /// The store that carries news between servers.
    pub(super) store: Option<Store>,
    /// A warning for the log.
    pub(super) warning: Option<Message>,
}

/// A Redis or Valkey, as the configuration describes it.
pub(super) struct Store {
    pub(super) settings: session_crypto_agent::Settings,
    /// Whether sessions must not be opened while news are missing.
    pub(super) is_required: bool,
}

/// The options after the first word.
#[derive(Default)]
struct Options<'w> {
    size: Option<&'w str>,
    file: Option<&'w CStr>,
    password_file: Option<&'w CStr>,
    authorities_file: Option<&'w CStr>,
    is_required: bool,
}

/// Sessions that a list has room for where the configuration does not say.
const DEFAULT_SIZE: usize = 100_000;

/// The most sessions that a list may have room for: 800 MB.
const MAX_SIZE: usize = 10_000_000;

/// Reads the words of a line; `None` stands for `off`.
///
/// # Errors
///
/// A message says what is wrong, and shows no word that may hold a password.
pub(crate) fn read(parms: &Parms<'_>, words: &[&CStr]) -> Result<Option<Settings>, Message> {
    let (first, rest) = words.split_first().ok_or_else(advice::no_store)?;
    let first = first.to_str().map_err(|_| advice::no_store())?;
    let options = Options::read(rest)?;
    let mut warning = None;
    let store = if first.eq_ignore_ascii_case("off") {
        if !rest.is_empty() {
            return Err(advice::off_with_options());
        }
        return Ok(None);
    } else if first.eq_ignore_ascii_case("on") {
        options.need_no_store()?;
        None
    } else {
        let address = Address::parse(first).map_err(advice::store_address)?;
        Some(options.store(parms, address, &mut warning)?)
    };
    let settings = Settings {
        size: options.size()?,
        file: options.file(parms)?,
        store,
        warning,
    };
    // A configuration that is served warns later, when its log is open.
    if let Some(warning) = settings.warning.iter().find(|_| is_config_test()) {
        log_server(Level::Warning, warning);
    }
    Ok(Some(settings))
}

impl<'w> Options<'w> {
    fn read(words: &[&'w CStr]) -> Result<Self, Message> {
        let mut options = Self::default();
        for word in words {
            let (name, value) = split(word);
            let is_new = match (name, value) {
                (b"size", Some(value)) => {
                    let size = value.to_str().unwrap_or_default();
                    options.size.replace(size).is_none()
                }
                (b"file", Some(value)) => options.file.replace(value).is_none(),
                (b"password-file", Some(value)) => options.password_file.replace(value).is_none(),
                (b"ca-file", Some(value)) => options.authorities_file.replace(value).is_none(),
                (b"required", None) => !std::mem::replace(&mut options.is_required, true),
                _ => return Err(advice::unknown_option(name)),
            };
            if !is_new {
                return Err(advice::option_twice(name));
            }
        }
        Ok(options)
    }

    fn need_no_store(&self) -> Result<(), Message> {
        let needs_store = [
            ("required", self.is_required),
            ("password-file=", self.password_file.is_some()),
            ("ca-file=", self.authorities_file.is_some()),
        ];
        match needs_store.into_iter().find(|(_, is_there)| *is_there) {
            Some((name, _)) => Err(advice::option_needs_store(name)),
            None => Ok(()),
        }
    }

    fn size(&self) -> Result<usize, Message> {
        let Some(size) = self.size else {
            return Ok(DEFAULT_SIZE);
        };
        let is_number = size.bytes().all(|byte| byte.is_ascii_digit());
        let number = size.parse().ok().filter(|_| is_number);
        number
            .filter(|size| (1..=MAX_SIZE).contains(size))
            .ok_or_else(|| advice::size(size, MAX_SIZE))
    }

    /// The path of the list's file, which can be read if it is there.
    fn file(&self, parms: &Parms<'_>) -> Result<Option<PathBuf>, Message> {
        let Some(file) = self.file else {
            return Ok(None);
        };
        let file = absolute(parms, file)?;
        let folder = file.parent().unwrap_or(Path::new("/"));
        if !folder.is_dir() {
            return Err(advice::no_folder(&file.display(), &folder.display()));
        }
        // A table without room takes no records.
        kept_file::read(&file, &RevocationTable::new(&[]))?;
        Ok(Some(file))
    }

    fn store(
        &self,
        parms: &Parms<'_>,
        mut address: Address,
        warning: &mut Option<Message>,
    ) -> Result<Store, Message> {
        if let Some(file) = self.password_file {
            if address.has_password() {
                return Err(advice::two_passwords());
            }
            let file = absolute(parms, file)?;
            let read = password_file::read(parms, &file)?;
            address.set_password(read.password);
            *warning = read.warning;
        }
        if address.has_user() && !address.has_password() {
            return Err(advice::no_store_password());
        }
        let authorities = match self.authorities_file {
            Some(_) if !address.is_tls() => return Err(advice::authorities_without_tls()),
            Some(file) => {
                let file = absolute(parms, file)?;
                let shown = file.display();
                let text = fs::read(&file).map_err(|error| advice::authorities(&shown, &error))?;
                Authorities::from_pem(&text).map_err(|error| advice::authorities(&shown, &error))?
            }
            None => Authorities::default(),
        };
        Ok(Store {
            settings: session_crypto_agent::Settings {
                address,
                authorities,
            },
            is_required: self.is_required,
        })
    }
}

/// Splits an option into its name and its value.
fn split(word: &CStr) -> (&[u8], Option<&CStr>) {
    let bytes = word.to_bytes_with_nul();
    let sign = bytes.iter().position(|byte| *byte == b'=');
    let Some((name, value)) = sign.and_then(|sign| bytes.split_at_checked(sign)) else {
        return (word.to_bytes(), None);
    };
    let value = value
        .get(1..)
        .and_then(|value| CStr::from_bytes_with_nul(value).ok());
    (name, value)
}

fn absolute(parms: &Parms<'_>, file: &CStr) -> Result<PathBuf, Message> {
    let name = server_root_relative(parms.temporary(), file).filter(|_| !file.is_empty());
    let name = name.ok_or_else(|| no_file_name(&file.to_string_lossy()))?;
    Ok(path(name).to_owned())
}
