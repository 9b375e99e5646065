//! The cryptographic side of `mod_session_crypto`.
//!
//! This crate does not know httpd. A [`Sealer`] is the border: it encrypts ("seals") a
//! session into a token, and decrypts ("opens") a token into a session. Time and
//! randomness are arguments, so every wire format has reproducible vectors.
//!
//! ```
//! use session_crypto_core::{
//!     HeapArena, Keyring, Now, OpenSslRandom, Origin, Sealer, Secrets, Seed, Settings,
//!     SharedMemory,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keyring = Keyring::new(Seed([7; 16]), OpenSslRandom, SharedMemory::alone())?;
//! let passphrase = keyring.passphrase(b"correct horse battery staple", Origin::Server)?;
//! let passphrases = [passphrase].into_iter().collect();
//! let ciphers = [keyring.cipher(None, "aes-256-gcm")?];
//! let settings = Settings::new(Secrets::Passphrases(&passphrases), &ciphers);
//! let sealer = Sealer::new(&keyring, settings);
//! let now = Now { seconds: 1_800_000_000, processor: 0 };
//! let sealed = sealer.seal(b"user=joe", now, &HeapArena)?;
//! let opened = sealer.open(sealed.token.to_bytes(), now, &HeapArena)?;
//! assert_eq!(opened.session.to_bytes(), b"user=joe");
//! # Ok(())
//! # }
//! ```
//!
//! A file or folder imports only from those below it in this table. The table of each
//! folder has the same rule. `tests/layers.rs` checks both.
//!
//! | file or folder | what it holds |
//! |---|---|
//! | `fuzzing` | parsers that nobody else calls alone, for the fuzz targets of `fuzz/` |
//! | `vectors` | the vector files of the wire formats, for tests |
//! | `device` | sessions that are bound to the device of a browser |
//! | `sealer` | sessions into tokens, and tokens into sessions |
//! | `key_set` | JWK Sets of symmetric keys with dates |
//! | `life` | when a session began, and when it ends |
//! | `keyring` | the state that a process keeps between requests |
//! | `jwe` | the wire format of JSON Web Encryption |
//! | `classic` | the wire format of httpd's own module |
//! | `certificate` | certificates and private keys |
//! | `revocation` | the sessions that are ended before their time |
//! | `engine` | the engines and providers of a configuration |
//! | `passphrase` | passphrases, and the keys derived from them |
//! | `algorithm` | ciphers and digests by name, and keys made with them |
//! | `cache` | keys that are kept in memory |
//! | `shared_memory` | memory that the processes of a server share |
//! | `counters` | what a server has done with sessions and keys |
//! | `libcrypto` | the calls of OpenSSL that the `openssl` crate lacks, and the only unsafe code |
//! | `arena` | the memory for tokens and sessions |
//! | `error`, `limits` | what can go wrong, and by whose fault; the longest session, token and JWK Set |
//! | `origin`, `purpose` | small values of a section |
//! | `web` | what a browser says in a request: cookies, forms, and the site that they are from |
//! | `secret` | secrets that a file has, or a program prints; marks on secrets |
//! | `panics` | locks that a thread may have held when it panicked; panics that a test plants |
//! | `fingerprint`, `id`, `json`, `rate` | tools for several folders |
#![deny(unsafe_code)]

pub use algorithm::cipher::Cipher;
pub use algorithm::defaults::DefaultCiphers;
pub use algorithm::digest::Digest;
pub use algorithm::error::AlgorithmError;
pub use arena::{Arena, HeapArena, SliceWriter, Text, Writer};
pub use certificate::attempts::During;
pub use certificate::certificate::{UnusableKey, Validity};
pub use certificate::file_error::FileError;
pub use certificate::identity::Identities;
pub use certificate::pairing::Pairs;
pub use certificate::pairing_error::{PairingError, PairingFault, SourcePosition};
pub use certificate::source_error::SourceError;
pub use certificate::sources::Source;
pub use counters::counters::Counters;
pub use counters::device_event::{DeviceEvent, EndpointReason, SessionReason};
pub use counters::event::{Event, Limit, TokenFormat};
pub use counters::key::{CountedKey, KeyCounter, KeyCounts, KeyEvent, SecretKind};
pub use device::bound_cookie::{BoundCookie, ProvedAt};
pub use device::challenge::{Challenge, ChallengeFor};
pub use device::cookie::{DeviceCookie, DeviceCookieFlaw, SameSite};
pub use device::form::is_sealed_value;
pub use device::headers;
pub use device::initiator::is_initiator;
pub use device::instructions::Instructions;
pub use device::judgement::{DeviceJudgement, DeviceMode, Unbound, Unproved, judge};
pub use device::jwk::JwkFlaw;
pub use device::key_cookie::KeyCookie;
pub use device::path::DevicePath;
pub use device::proof::Proof;
pub use device::proof_error::{ProofError, ProofFlaw};
pub use device::public_key::{DeviceKey, KeyThumbprint};
pub use device::reason::DeviceReason;
pub use device::refresh::{CHALLENGE_MARGIN, LEEWAY, Refresh, RefreshAnswer};
pub use device::registration::{
    REGISTERED_LIFETIME, REGISTRATION_WINDOW, Registered, Registration, RegistrationAnswer,
};
pub use device::standing::{Standing, Unsealed};
pub use device::users::SessionUsers;
pub use engine::engine::{Engine, EngineError};
pub use error::{LibraryError, OpenError, Refusal, SealError, UserIdError};
pub use fingerprint::Fingerprint;
pub use jwe::header::key_id_of_token;
pub use jwe::key_id::{InvalidKeyId, KeyId};
pub use key_set::error::{KeyFlaw, KeyName, KeySetError, MemberName};
pub use key_set::file::KeySetFile;
pub use key_set::key_set::KeySet;
pub use key_set::rotation::{Rotation, RotationError};
pub use key_set::set_key::{Dates, SetKey};
pub use key_set::watch::{GoodSet, KeySetFlaw, KeySetWatch};
pub use keyring::hour::Seed;
pub use keyring::keyring::Keyring;
pub use keyring::random::{OpenSslRandom, Random};
pub use life::entry::{DeviceId, SessionEntry};
pub use life::times;
pub use origin::Origin;
pub use panics::locks;
#[cfg(feature = "planted-panics")]
pub use panics::planted::with_planted_panics;
pub use passphrase::allowance::Payer;
pub use passphrase::file::{Exposure, Line, LineError, PassphraseFile, PassphraseFileError};
pub use passphrase::hour_keys::Priority;
pub use passphrase::key_job::KeyJob;
pub use passphrase::list::PassphraseList;
pub use passphrase::passphrase::{EmptyPassphrase, Passphrase};
pub use passphrase::weakness::Weakness;
pub use passphrase::words::program_arguments;
pub use purpose::{InvalidPurpose, Purpose};
pub use rate::OncePerMinute;
pub use revocation::file::RevocationFileError;
pub use revocation::record::{Added, Ends, InvalidRecordId, LearnedFrom, Record, RecordId};
pub use revocation::table::RevocationTable;
pub use revocation::unsent::{Unsent, UnsentReader};
pub use sealer::ahead::Jobs;
pub use sealer::call::{Cost, Now, Opened, OpeningKey, Sealed};
pub use sealer::sealer::Sealer;
pub use sealer::settings::{Secrets, Settings};
pub use sealer::users::{UserEntry, UserId};
pub use secret::program;
pub use shared_memory::SharedMemory;
pub use web::cookies;
pub use web::form;
pub use web::same_site::SiteHeaders;

mod algorithm;
mod arena;
mod cache;
mod certificate;
mod classic;
mod counters;
mod device;
mod engine;
mod error;
mod fingerprint;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod id;
mod json;
mod jwe;
mod key_set;
mod keyring;
#[expect(
    unsafe_code,
    reason = "calls of OpenSSL that the openssl crate does not wrap"
)]
mod libcrypto;
mod life;
mod limits;
mod origin;
mod panics;
mod passphrase;
mod purpose;
mod rate;
mod revocation;
mod sealer;
mod secret;
mod shared_memory;
#[cfg(test)]
mod vectors;
mod web;
