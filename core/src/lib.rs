//! The cryptographic side of `mod_session_crypto`.
//!
//! Nothing here knows httpd. One value is the border: a [`Sealer`] turns a
//! session into a token and a token back into a session. Time and randomness
//! come in as arguments, so that every wire format has reproducible vectors.
//!
//! | file | what it holds |
//! |---|---|
//! | `sealer` | which passphrase and which cipher seals, and which ones open |
//! | `classic` | the wire format of httpd's own module |
//! | `keyring` | what a process keeps between requests |
//! | `passphrase` | a secret, wiped when it is dropped |
//! | `algorithms` | ciphers and digests by name |
//! | `derivation` | every key derivation, with its rounds and labels |
//! | `hour` | the salt that the tokens of an hour share |
//! | `key_cache` | derived keys that are kept, as many as fit |
//! | `workbench` | cipher contexts that are kept |
//! | `arena` | where tokens and sessions are written |
//! | `random` | where nonces and salts come from |
//! | `error` | what can go wrong, by whose fault |
//! | `evp` | the calls that the `openssl` crate lacks; the only unsafe code |
#![deny(unsafe_code)]

pub use algorithms::{AlgorithmError, Cipher, Digest};
pub use arena::Arena;
pub use error::{LibraryError, OpenError, Refusal, SealError};
pub use hour::Seed;
pub use keyring::{Keyring, Origin};
pub use passphrase::{EmptyPassphrase, Passphrase};
pub use random::{OpenSslRandom, Random};
pub use sealer::{Call, Opened, Sealed, Sealer};

mod algorithms;
mod arena;
mod classic;
mod derivation;
mod error;
#[expect(
    unsafe_code,
    reason = "calls of OpenSSL that the openssl crate does not wrap"
)]
mod evp;
mod hour;
mod key_cache;
mod keyring;
mod passphrase;
mod random;
mod sealer;
#[cfg(test)]
mod vectors;
mod workbench;
