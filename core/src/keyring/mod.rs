//! The values that a process keeps between requests.
//!
//! | file | what it holds |
//! |---|---|
//! | `keyring` | all of them |
//! | `passphrases` | passphrases, by their bytes |
//! | `algorithms` | ciphers and digests, by their names |
//! | `contexts` | cipher contexts, a few for each processor |
//! | `random` | random bytes, drawn in advance |
//! | `hour` | the salt of an hour |

pub(crate) mod algorithms;
pub(crate) mod contexts;
pub(crate) mod hour;
pub(crate) mod keyring;
pub(crate) mod passphrases;
pub(crate) mod random;
