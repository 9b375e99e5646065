//! `mod_session_crypto`: encrypted sessions for Apache httpd.
//!
//! `session-crypto-core` encrypts; the files here connect it to httpd. Each file
//! imports only from files below it in this table.
//!
//! | file | what it holds |
//! |---|---|
//! | `module` | this module, as httpd sees it: what runs when |
//! | `directives` | the directives: one row and one handler each |
//! | `check` | the checks before httpd serves requests |
//! | `keys_ahead` | keys under passphrases, derived side by side and kept |
//! | `hooks` | a session on its way in and out |
//! | `report` | the log lines about a request's session |
//! | `realms` | how sessions stay in the realm that they belong to |
//! | `state` | what a process keeps while a configuration is in force |
//! | `config` | the settings of sections, merged, and what they seal with |
//! | `sources` | the certificates and private keys that a word names |
//! | `passphrases` | the passphrases that a word, a program or a file gives |
//! | `advice` | every error in the administrator's words, with what to write instead |
//! | `program` | running a program that prints a passphrase |
//! | `ffi` | httpd's C API in safe Rust, and the only unsafe code |
//! | `session_crypto` | the type that stands for this module |
#![deny(unsafe_code)]

mod advice;
mod check;
mod config;
mod directives;
#[expect(unsafe_code, reason = "a C API is called")]
mod ffi;
mod hooks;
mod keys_ahead;
mod module;
mod passphrases;
mod program;
mod realms;
mod report;
mod session_crypto;
mod sources;
mod state;
