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

use config::DirRecord;
use ffi::{Failed, Module, Record, Request, Session};

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

    fn record() -> &'static Record {
        &session_crypto_module
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
        record: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::encode(request, record, session)
    }

    fn decode<'r>(
        request: Request<'r>,
        record: &Self::Record<'r>,
        session: &mut Session<'r>,
    ) -> Result<(), Failed> {
        hooks::decode(request, record, session)
    }
}

/// What `LoadModule session_crypto_module` looks for: the one symbol of this
/// library. `<IfModule mod_session_crypto.c>` goes by the name.
#[expect(unsafe_code, reason = "the symbol's name is httpd's to choose")]
#[unsafe(no_mangle)]
pub static session_crypto_module: Record = Record::new::<SessionCrypto, { directives::ENTRIES }>(
    c"mod_session_crypto.c",
    &directives::TABLE,
);
