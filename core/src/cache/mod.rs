//! Keys that are kept in memory.
//!
//! | file | what it holds |
//! |---|---|
//! | `key_cache` | as many as fit, the last used first |
//! | `shared` | a key that several threads may want before it is derived |

pub(crate) mod key_cache;
pub(crate) mod shared;
