//! Engines and providers of a configuration.
//!
//! | file | what it holds |
//! |---|---|
//! | `engine` | one of them, by the names that it has |
//! | `hardware` | certificates and private keys that it has behind URIs |

pub(crate) mod engine;
pub(crate) mod hardware;
