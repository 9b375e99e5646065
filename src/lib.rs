//! `mod_session_crypto`: encrypted sessions for Apache httpd.
//!
//! | file | what it holds |
//! |---|---|
//! | `directives` | one directive, one row, one handler |
//! | `passphrases` | where passphrases come from: a word, a program, a file |
//! | `sources` | where certificates and private keys are: files and URIs |
//! | `config` | the records httpd creates and merges, and what they seal with |
//! | `check` | what is looked at before httpd serves anybody |
//! | `master_keys` | JWE master keys, derived side by side and kept |
//! | `hooks` | what happens to a session on its way in and out |
//! | `realms` | sessions stay in the realm that they belong to |
//! | `report` | what is said of it in the log |
//! | `ffi` | the safe face of httpd's C API, and the only unsafe code |
//!
//! Nothing here encrypts; `session-crypto-core` does.
#![deny(unsafe_code)]

use std::time::{SystemTime, UNIX_EPOCH};

use config::{DirRecord, Realm};
use ffi::{Failed, MainServer, Module, Record, Request, Server};
use hooks::Session;
use session_crypto_core::{Keyring, OpenSslRandom, Seed, SharedMemory};

mod check;
mod config;
mod directives;
#[expect(unsafe_code, reason = "the face of a C API")]
mod ffi;
mod hooks;
mod master_keys;
mod passphrases;
mod realms;
mod report;
mod sources;

/// This module, to httpd.
struct SessionCrypto;

impl Module for SessionCrypto {
    type Record<'p> = DirRecord<'p>;

    type State = Keyring;

    type Realm = Realm;

    type Seen = check::Warnings;

    fn record() -> &'static Record<Keyring> {
        &session_crypto_module
    }

    fn start(kept: [u8; 16], shared: SharedMemory) -> Result<Keyring, String> {
        Keyring::to_inherit(Seed(kept), OpenSslRandom, shared)
            .map_err(|error| format!("OpenSSL lacks what this module cannot do without: {error}"))
    }

    fn check<'s>(
        keyring: &'s Keyring,
        server: &Server<'s, Self>,
        seen: &mut check::Warnings,
    ) -> Result<(), String> {
        check::server(keyring, server, seen)
    }

    fn before_fork<'s>(
        keyring: &'s Keyring,
        server: &Server<'s, Self>,
        seen: &mut check::Warnings,
    ) -> Result<(), String> {
        check::prepare(keyring, server, seen, now())
    }

    fn before_fork_once(keyring: &Keyring, server: MainServer<'_>) -> Result<(), String> {
        master_keys::derive(keyring, server)
    }

    fn after_fork(keyring: &Keyring) -> Result<(), String> {
        keyring.after_fork();
        keyring
            .derive_again(now())
            .map(|_| ())
            .map_err(|error| check::cannot_seal(&error))
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

    fn realm(record: &Self::Record<'_>) -> Realm {
        record.realm()
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
        hooks::decode(request, keyring, record, session);
        Ok(())
    }

    fn decoded<'r>(
        request: Request<'r>,
        _: &'r Keyring,
        _: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::decoded(request, session);
        Ok(())
    }

    fn is_to_be_saved(request: Request<'_>, session: &Session<'_>) -> bool {
        hooks::is_to_be_saved(request, session)
    }

    fn before_sections(request: Request<'_>) {
        realms::before_sections(request);
    }

    fn sections_are_known(request: Request<'_>) {
        realms::sections_are_known(request);
    }

    fn before_fixups(request: Request<'_>) {
        realms::before_fixups(request);
    }

    fn environment_is_set(request: Request<'_>) {
        realms::environment_is_set(request);
    }

    fn redirects_are_done(request: Request<'_>) {
        realms::redirects_are_done(request);
    }

    fn after_fixups(request: Request<'_>) {
        realms::after_fixups(request);
    }

    fn before_answer(request: Request<'_>) {
        realms::before_answer(request);
    }

    fn before_error(request: Request<'_>) {
        realms::before_error(request);
    }
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
