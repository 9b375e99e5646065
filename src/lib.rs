//! `mod_session_crypto`: encrypted sessions for Apache httpd.
//!
//! | file | what it holds |
//! |---|---|
//! | `directives` | one directive, one row, one handler |
//! | `passphrases` | where passphrases come from: a word, a program, a file |
//! | `config` | the records httpd creates and merges, and what they seal with |
//! | `hooks` | what happens to a session on its way in and out |
//! | `report` | what is said of it in the log |
//! | `ffi` | the safe face of httpd's C API, and the only unsafe code |
//!
//! Nothing here encrypts; `session-crypto-core` does.
#![deny(unsafe_code)]

use std::time::{SystemTime, UNIX_EPOCH};

use config::DirRecord;
use ffi::{Failed, Module, Record, Request, Server, Session};
use session_crypto_core::{Keyring, LibraryError, OpenSslRandom, Seed};

mod config;
mod directives;
#[expect(unsafe_code, reason = "the face of a C API")]
mod ffi;
mod hooks;
mod passphrases;
mod report;

/// This module, to httpd.
struct SessionCrypto;

impl Module for SessionCrypto {
    type Record<'p> = DirRecord<'p>;

    type State = Keyring;

    fn record() -> &'static Record<Keyring> {
        &session_crypto_module
    }

    fn start(kept: [u8; 16]) -> Result<Keyring, String> {
        Keyring::new(Seed(kept), OpenSslRandom)
            .map_err(|error| format!("OpenSSL lacks what this module cannot do without: {error}"))
    }

    fn check(server: &Server<'_, Self>) -> Result<(), String> {
        // Where one section lists an AEAD cipher, and another a purpose, a
        // request may be in both; only the request can tell.
        let may_help = server.sections.iter().any(DirRecord::lists_aead);
        let outer = std::iter::once(server.outer).filter(|_| !server.stands_behind);
        let inner = server.records().skip(1).filter(|_| !may_help);
        outer
            .chain(inner)
            .try_for_each(|record| record.check())
            .map_err(str::to_owned)
    }

    fn before_fork<'s>(keyring: &'s Keyring, record: &Self::Record<'s>) -> Result<(), String> {
        let Some(settings) = record.settings(keyring) else {
            return Ok(());
        };
        cannot_seal(keyring.derive_for(settings, now()))
    }

    fn after_fork(keyring: &Keyring) -> Result<(), String> {
        keyring.after_fork();
        cannot_seal(keyring.derive_again(now()))
    }

    fn create<'p>() -> Self::Record<'p> {
        DirRecord::default()
    }

    fn merge<'p>(base: &Self::Record<'p>, add: &Self::Record<'p>) -> Self::Record<'p> {
        DirRecord::merge(base, add)
    }

    fn refusing<'p>() -> Self::Record<'p> {
        DirRecord::refusing()
    }

    fn encode<'r>(
        request: Request<'r>,
        keyring: &'r Keyring,
        record: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::encode(request, keyring, record, session)
    }

    fn decode<'r>(
        request: Request<'r>,
        keyring: &'r Keyring,
        record: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::decode(request, keyring, record, session)
    }
}

fn cannot_seal(derived: Result<usize, LibraryError>) -> Result<(), String> {
    derived
        .map(|_| ())
        .map_err(|error| format!("sessions cannot be sealed: {error}"))
}

/// Unix time in seconds.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// What `LoadModule session_crypto_module` looks for: the one symbol of this
/// library. `<IfModule mod_session_crypto.c>` goes by the name.
#[expect(unsafe_code, reason = "the symbol's name is httpd's to choose")]
#[unsafe(no_mangle)]
pub static session_crypto_module: Record<Keyring> = Record::new::<
    SessionCrypto,
    { directives::ENTRIES },
>(c"mod_session_crypto.c", &directives::TABLE);
