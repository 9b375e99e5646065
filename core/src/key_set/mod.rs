//! JWK Sets of symmetric keys with dates.
//!
//! | file | what it holds |
//! |---|---|
//! | `watch` | the judgement of a file that changes |
//! | `file` | the file of a JWK Set, read |
//! | `rotation` | new keys: a first one, and the next one |
//! | `key_set` | a set: which key seals, and which keys open |
//! | `parse` | the members of a JWK Set (RFC 7517) |
//! | `write` | the text of a JWK Set |
//! | `set_key` | a key, with its id and its dates |
//! | `error` | the mistakes in a JWK Set |

pub(crate) mod error;
pub(crate) mod file;
pub(crate) mod key_set;
mod parse;
pub(crate) mod rotation;
pub(crate) mod set_key;
pub(crate) mod watch;
mod write;
