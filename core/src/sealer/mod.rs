//! Sessions into tokens, and tokens into sessions.
//!
//! | file | what it holds |
//! |---|---|
//! | `sealer` | the border: a session into a token, and back |
//! | `settings` | what a section of a configuration says |
//! | `section` | these settings with the keyring that has their keys |
//! | `call` | the time of a call, and its answer |
//! | `classic` | in the classic format |
//! | `foreign_salts` | classic tokens with the salts of other servers |
//! | `jwe` | as JWE |
//! | `key_scheme` | where keys of JWE come from |
//! | `day_keys` | keys of JWE from passphrases |
//! | `wrapped_keys` | keys of JWE under certificates |
//! | `ahead` | keys that are derived before a request needs them |

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
