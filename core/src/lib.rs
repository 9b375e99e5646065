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
//! | `passphrase_file`, `weakness` | files of passphrases, and passphrases that can be guessed |
//! | `sources`, `key_file` | where certificates and private keys are, and the forms they have |
//! | `judged`, `rounds`, `attempts` | what of a file of `.htaccess` meets a passphrase, how long that takes, and how often it may |
//! | `pairing`, `identity` | which key belongs to which certificate, and what the two do together |
//! | `certificate`, `private_key` | the one, and the other, in memory or on a token |
//! | `key_wrapping`, `signature`, `wrapped_header` | how a token with a certificate carries its key |
//! | `engine` | engines and providers: where else algorithms and keys come from |
//! | `algorithms` | ciphers and digests by name |
//! | `derivation`, `hmac` | every key derivation, with its rounds and labels |
//! | `hour`, `key_cache` | the salt that an hour's classic tokens share, and the keys that are kept |
//! | `anonymous` | sessions that say nothing about a user, and how much is derived for them |
//! | `jwe_keys` | the content keys of JWE, in contexts that are kept |
//! | `master_keys`, `master_table`, `rate` | where JWE master keys come from: the parent, another process, or a derivation that is paid for |
//! | `shared` | a key that several threads may want before it is derived |
//! | `shared_memory` | memory that the processes of a server share |
//! | `workbench`, `cbc`, `aead` | cipher contexts that are kept |
//! | `arena` | where tokens and sessions are written |
//! | `random` | where nonces come from |
//! | `fingerprint` | a short value that stands for a longer one |
//! | `vectors` | the vector files of the wire formats, for tests |
//! | `error` | what can go wrong, by whose fault |
//! | `verdict` | whether OpenSSL says no, or has failed to say anything |
//! | `evp` | the calls that the `openssl` crate lacks, engines and stores among them; the only unsafe code |
#![deny(unsafe_code)]

pub use algorithm_error::AlgorithmError;
pub use allowance::Payer;
pub use arena::Arena;
pub use attempts::Asked;
pub use certificate::{UnusableKey, Validity};
pub use cipher::Cipher;
pub use digest::Digest;
pub use engine::{Engine, EngineError};
pub use error::{LibraryError, OpenError, Refusal, SealError};
pub use fingerprint::Fingerprint;
pub use hour::Seed;
pub use identity::Identities;
pub use key_file::FileError;
pub use keyring::Keyring;
pub use master_keys::MasterJob;
pub use origin::Origin;
pub use pairing::{At, Needs, PairingError, Pairs};
pub use passphrase::{EmptyPassphrase, Passphrase};
pub use passphrase_file::{Exposure, Line, LineError, PassphraseFile, PassphraseFileError};
pub use passphrase_list::PassphraseList;
pub use purpose::{InvalidPurpose, Purpose};
pub use random::{OpenSslRandom, Random};
pub use sealer::{Call, Keys, Opened, Sealed, Sealer, Settings};
pub use shared_memory::SharedMemory;
pub use sources::{Source, SourceError};
pub use weakness::Weakness;

mod aead;
mod algorithm_error;
mod algorithms;
mod allowance;
mod anonymous;
mod arena;
mod attempts;
mod cbc;
mod certificate;
mod cipher;
mod classic;
mod classic_keys;
mod content_keys;
mod defaults;
mod derivation;
mod digest;
mod engine;
mod envelopes;
mod error;
#[expect(
    unsafe_code,
    reason = "calls of OpenSSL that the openssl crate does not wrap"
)]
mod evp;
mod fingerprint;
mod hardware;
mod hmac;
mod hour;
mod id;
mod identity;
mod judged;
mod jwe;
mod jwe_keys;
mod key_cache;
mod key_file;
mod key_wrapping;
mod keyring;
mod limits;
mod master_keys;
mod master_place;
mod master_table;
mod origin;
mod pairing;
mod pairings;
mod passphrase;
mod passphrase_file;
mod passphrase_list;
mod passphrases;
mod private_key;
mod purpose;
mod random;
mod rate;
mod rounds;
mod sealer;
mod shared;
mod shared_memory;
mod signature;
mod sources;
mod supplier;
#[cfg(test)]
mod vectors;
mod verdict;
mod weakness;
mod workbench;
mod wrapped_header;
