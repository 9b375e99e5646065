//! The engines and providers of a configuration.
//!
//! | file | what it holds |
//! |---|---|
//! | `engine` | an engine or a provider, by its names in the configuration |
//! | `hardware` | the certificates and private keys that it has behind URIs |

pub(crate) mod engine;
pub(crate) mod hardware;
