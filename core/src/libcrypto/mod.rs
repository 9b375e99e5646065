//! The calls of OpenSSL that the `openssl` crate lacks, and the only unsafe code.
//!
//! | file | what it holds |
//! |---|---|
//! | `supplier` | a loaded engine or provider |
//! | `evp` | ciphers, digests, PBKDF2 and pairs of keys |
//! | `kdf` | Concat KDF |
//! | `cipher_calls` | cipher contexts that are used again and again |
//! | `engine` | engines |
//! | `store` | keys and certificates by URI, from providers |
//! | `pem` | the blocks of a PEM file |
//! | `pin` | the answer to a question for a PIN or a passphrase |
//! | `verdict` | the line between OpenSSL's no and a failure of the host |

pub(crate) mod cipher_calls;
#[cfg(openssl_engines)]
mod engine;
pub(crate) mod evp;
pub(crate) mod kdf;
pub(crate) mod pem;
mod pin;
pub(crate) mod store;
pub(crate) mod supplier;
pub(crate) mod verdict;
