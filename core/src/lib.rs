//! The cryptographic side of `mod_session_crypto`.
//!
//! Nothing here knows httpd. One value is the border: a [`Sealer`] turns a
//! session into a token and a token back into a session. Time and randomness
//! come in as arguments, so that every wire format has reproducible vectors.
//!
//! Each file and folder imports only from those below it in this table, and so in
//! the table of each folder (`tests/layers.rs`).
//!
//! | file or folder | what it holds |
//! |---|---|
//! | `vectors` | the vector files of the wire formats, for tests |
//! | `sealer` | sessions into tokens, and tokens into sessions |
//! | `keyring` | what a process keeps between requests |
//! | `jwe` | the wire format of JSON Web Encryption |
//! | `classic` | the wire format of httpd's own module |
//! | `certificate` | certificates and private keys |
//! | `engine` | engines and providers of a configuration |
//! | `passphrase` | passphrases, and the keys derived from them |
//! | `algorithm` | ciphers and digests by name, and keys made with them |
//! | `cache` | keys that are kept in memory |
//! | `libcrypto` | the calls of OpenSSL that the `openssl` crate lacks, and the only unsafe code |
//! | `arena` | memory that tokens and sessions are written to |
//! | `error`, `limits` | what can go wrong, by whose fault; the longest session and token |
//! | `origin`, `purpose` | small values of a section |
//! | `fingerprint`, `id`, `rate`, `shared_memory` | tools for several folders |
#![deny(unsafe_code)]

pub use algorithm::cipher::Cipher;
pub use algorithm::digest::Digest;
pub use algorithm::error::AlgorithmError;
pub use arena::{Arena, HeapArena};
pub use certificate::attempts::Asked;
pub use certificate::certificate::{UnusableKey, Validity};
pub use certificate::file_error::FileError;
pub use certificate::identity::Identities;
pub use certificate::pairing::Pairs;
pub use certificate::pairing_error::{At, PairingError, PairingFault};
pub use certificate::source_error::SourceError;
pub use certificate::sources::Source;
pub use engine::engine::{Engine, EngineError};
pub use error::{LibraryError, OpenError, Refusal, SealError};
pub use fingerprint::Fingerprint;
pub use keyring::hour::Seed;
pub use keyring::keyring::Keyring;
pub use keyring::random::{OpenSslRandom, Random};
pub use origin::Origin;
pub use passphrase::allowance::Payer;
pub use passphrase::file::{Exposure, Line, LineError, PassphraseFile, PassphraseFileError};
pub use passphrase::list::PassphraseList;
pub use passphrase::master_keys::MasterJob;
pub use passphrase::passphrase::{EmptyPassphrase, Passphrase};
pub use passphrase::weakness::Weakness;
pub use purpose::{InvalidPurpose, Purpose};
pub use sealer::call::{Cost, Now, Opened, Sealed};
pub use sealer::sealer::Sealer;
pub use sealer::settings::{Keys, Settings};
pub use shared_memory::SharedMemory;

mod algorithm;
mod arena;
mod cache;
mod certificate;
mod classic;
mod engine;
mod error;
mod fingerprint;
mod id;
mod jwe;
mod keyring;
#[expect(
    unsafe_code,
    reason = "calls of OpenSSL that the openssl crate does not wrap"
)]
mod libcrypto;
mod limits;
mod origin;
mod passphrase;
mod purpose;
mod rate;
mod sealer;
mod shared_memory;
#[cfg(test)]
mod vectors;
