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
//! | `jwe` | the wire format of JSON Web Encryption |
//! | `keyring` | what a process keeps between requests |
//! | `passphrase`, `purpose` | what a section says, as values |
//! | `algorithms` | ciphers and digests by name |
//! | `derivation` | every key derivation, with its rounds and labels |
//! | `hour`, `key_cache` | the salt that an hour's classic tokens share, and the keys that are kept |
//! | `jwe_keys` | the keys of a day, and whose a key id is |
//! | `shared` | a key that several threads may want before it is derived |
//! | `workbench`, `cbc`, `aead` | cipher contexts that are kept |
//! | `arena` | where tokens and sessions are written |
//! | `random` | where nonces come from |
//! | `error` | what can go wrong, by whose fault |
//! | `evp` | the calls that the `openssl` crate lacks; the only unsafe code |
#![deny(unsafe_code)]

pub use algorithms::{AlgorithmError, Cipher, Digest};
pub use arena::Arena;
pub use error::{LibraryError, OpenError, Refusal, SealError};
pub use hour::Seed;
pub use keyring::{Keyring, Origin};
pub use passphrase::{EmptyPassphrase, Passphrase, PassphraseList};
pub use purpose::{InvalidPurpose, Purpose};
pub use random::{OpenSslRandom, Random};
pub use sealer::{Call, Opened, Sealed, Sealer, Settings};

mod aead;
mod algorithms;
mod arena;
mod cbc;
mod classic;
mod derivation;
mod error;
#[expect(
    unsafe_code,
    reason = "calls of OpenSSL that the openssl crate does not wrap"
)]
mod evp;
mod hour;
mod jwe;
mod jwe_keys;
mod key_cache;
mod keyring;
mod passphrase;
mod purpose;
mod random;
mod sealer;
mod shared;
#[cfg(test)]
mod vectors;
mod workbench;
