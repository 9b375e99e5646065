//! How tokens, sessions, keys and times are shown.
//!
//! | file | what it holds |
//! |---|---|
//! | `token` | what a token says without a key |
//! | `session` | the entries of a session |
//! | `keys` | what each key of a set does, and when that changes |
//! | `times` | times in words |
//! | `text` | text that a terminal can show |
//! | `output` | lines and JSON on standard output |

pub(crate) mod keys;
pub(crate) mod output;
pub(crate) mod session;
pub(crate) mod text;
pub(crate) mod times;
pub(crate) mod token;
