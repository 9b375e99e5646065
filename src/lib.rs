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
//! | `status` | the report of what the server has done, for those who ask |
//! | `keys_ahead` | keys under passphrases, derived side by side and kept |
//! | `emergency` | the messages with which httpd does not start |
//! | `devices` | the endpoints for the devices of sessions |
//! | `sessions` | the session of a request |
//! | `state` | what a process keeps while a configuration is in force |
//! | `revocation` | the list of sessions that have ended before their time |
//! | `config` | the settings of sections, merged, and what they seal with |
//! | `key_files` | files with JWK Sets, and their changes while httpd runs |
//! | `secrets` | the secrets that a line of the configuration names |
//! | `advice` | every error in the administrator's words, with what to write instead |
//! | `clock` | the time now |
//! | `ffi` | httpd's C API in safe Rust, and the only unsafe code |
//! | `session_crypto` | the type that stands for this module |
//! | `message` | a message: its code and its words |
#![deny(unsafe_code)]

mod advice;
mod check;
mod clock;
mod config;
mod devices;
mod directives;
mod emergency;
#[expect(unsafe_code, reason = "a C API is called")]
mod ffi;
mod key_files;
mod keys_ahead;
mod message;
mod module;
mod revocation;
mod secrets;
mod session_crypto;
mod sessions;
mod state;
mod status;
