//! Sessions into tokens, and tokens into sessions.
//!
//! | file | what it holds |
//! |---|---|
//! | `sealer` | which key and which cipher seals, and which ones open |
//! | `classic` | in the classic format |
//! | `foreign_salts` | classic tokens with the salts of other servers |
//! | `jwe` | as JWE |
//! | `day_keys` | keys of JWE from passphrases |
//! | `wrapped_keys` | keys of JWE under certificates |
//! | `ahead` | keys that are derived before a request needs them |

mod ahead;
mod classic;
mod day_keys;
mod foreign_salts;
mod jwe;
pub(crate) mod sealer;
mod wrapped_keys;
