//! The directives: one row and one handler each.
//!
//! | file | what it holds |
//! |---|---|
//! | `table` | the table of directives: a row each |
//! | `server` | the list of ended sessions, the warnings that are accepted, and the driver |
//! | `devices` | devices of sessions |
//! | `sessions` | the ends of sessions, and their users |
//! | `algorithms` | ciphers, digests, engines, and the purpose that a cipher carries |
//! | `secrets` | passphrases, key files, certificates and private keys |
//! | `payer` | the payer for keys that follow from a line |

pub(crate) use table::{ENTRIES, TABLE};

mod algorithms;
mod devices;
mod payer;
mod secrets;
mod server;
mod sessions;
mod table;
