//! The cryptographic side of `mod_session_crypto`.
//!
//! Nothing here knows httpd. One value is the border: a [`Sealer`] turns a
//! session into a token and a token back into a session. Time and randomness
//! come in as arguments, so that every wire format has reproducible vectors.
//!
//! | file | what it holds |
//! |---|---|
//! | `sealer` | which passphrase and which cipher seals, and which ones open |
//! | `passphrase` | a secret, wiped when it is dropped |
//! | `algorithms` | ciphers and digests by name |
//! | `derivation` | every key derivation, with its rounds and labels |
//! | `classic` | the wire format of httpd's own module |
//! | `arena` | where tokens and sessions are written |
//! | `random` | where nonces and salts come from |
//! | `error` | what can go wrong, by whose fault |
//! | `evp` | the calls that the `openssl` crate lacks; the only unsafe code |
#![deny(unsafe_code)]

pub use algorithms::{AlgorithmError, Cipher, Digest};
pub use arena::Arena;
pub use error::{LibraryError, OpenError, Refusal, SealError};
pub use passphrase::{EmptyPassphrase, Passphrase};
pub use random::{OpenSslRandom, Random};
pub use sealer::{Opened, Sealer};

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
mod passphrase;
mod random;
mod sealer;
