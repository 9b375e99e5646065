//! Sessions into tokens, and tokens into sessions.
//!
//! | file | what it holds |
//! |---|---|
//! | `classic` | sealing and opening in the classic format |
//! | `foreign_salts` | the keys of classic tokens with the salts of other servers |
//! | `jwe` | sealing and opening as JWE |
//! | `users` | the ids of users, under the keys of a section |
//! | `ahead` | keys that are derived before a request needs them |
//! | `names` | the names under which keys are counted |
//! | `sealer` | the border of this crate: a session into a token, and back |
//! | `set_keys` | the key scheme of a JWK Set |
//! | `day_keys` | the key scheme of passphrases |
//! | `wrapped_keys` | the key scheme of certificates |
//! | `section` | the settings of a section, with the keyring that has their keys |
//! | `settings` | the settings of a section of a configuration |
//! | `key_scheme` | the source of content keys for JWE |
//! | `call` | the time of a call, and its answer |

pub(crate) mod ahead;
pub(crate) mod call;
mod classic;
mod day_keys;
mod foreign_salts;
mod jwe;
mod key_scheme;
mod names;
pub(crate) mod sealer;
mod section;
mod set_keys;
pub(crate) mod settings;
pub(crate) mod users;
mod wrapped_keys;
