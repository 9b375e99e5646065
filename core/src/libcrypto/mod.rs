//! The calls of OpenSSL that the `openssl` crate lacks, and the only unsafe code.
//!
//! | file | what it holds |
//! |---|---|
//! | `supplier` | an engine or a provider that is loaded |
//! | `evp` | ciphers, digests and PBKDF2 |
//! | `engine` | engines |
//! | `store` | what providers have behind URIs |
//! | `pem` | the blocks of a PEM file |
//! | `pin` | answers to a question for a PIN or a passphrase |
//! | `verdict` | whether OpenSSL says no, or has failed to say anything |

#[cfg(openssl_engines)]
mod engine;
pub(crate) mod evp;
pub(crate) mod pem;
mod pin;
pub(crate) mod store;
pub(crate) mod supplier;
pub(crate) mod verdict;
