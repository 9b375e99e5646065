//! Sessions into tokens, and tokens into sessions.
//!
//! | file | what it holds |
//! |---|---|
//! | `classic` | sealing and opening in the classic format |
//! | `foreign_salts` | classic tokens with the salts of other servers |
//! | `jwe` | sealing and opening as JWE |
//! | `ahead` | keys that are derived before a request needs them |
//! | `sealer` | the border: a session into a token, and back |
//! | `day_keys` | keys of JWE from passphrases |
//! | `wrapped_keys` | keys of JWE under certificates |
//! | `section` | settings with the keyring that has their keys |
//! | `settings` | what a section of a configuration says |
//! | `key_scheme` | where keys of JWE come from |
//! | `call` | the time of a call, and its answer |

mod ahead;
pub(crate) mod call;
mod classic;
mod day_keys;
mod foreign_salts;
mod jwe;
mod key_scheme;
pub(crate) mod sealer;
mod section;
pub(crate) mod settings;
mod wrapped_keys;
