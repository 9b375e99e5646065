//! The wire format of JSON Web Encryption.
//!
//! | file | what it holds |
//! |---|---|
//! | `envelope` | a content key, encrypted to a certificate and signed |
//! | `header` | what the header of a token says |
//! | `contexts` | contexts of AES-GCM under the keys of tokens |
//! | `compact` | a token, part by part |
//! | `aead` | AES-GCM in contexts that are kept |

pub(crate) mod aead;
pub(crate) mod compact;
pub(crate) mod contexts;
pub(crate) mod envelope;
pub(crate) mod header;
