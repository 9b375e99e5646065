//! Keys that are kept in memory.
//!
//! | file | what it holds |
//! |---|---|
//! | `envelopes` | encrypted content keys of this hour |
//! | `unwrapped_keys` | the content keys of tokens under JWK Sets |
//! | `key_cache` | a bounded number of keys, those used last |
//! | `slot` | the slot of a key that several threads may want before it is derived |

pub(crate) mod envelopes;
pub(crate) mod key_cache;
pub(crate) mod slot;
pub(crate) mod unwrapped_keys;
