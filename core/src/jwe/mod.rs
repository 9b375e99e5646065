//! The wire format of JSON Web Encryption.
//!
//! | file | what it holds |
//! |---|---|
//! | `compact` | a token, part by part |
//! | `header` | what a header says |
//! | `envelope` | a content key, encrypted to a certificate and signed |
//! | `aead` | AES-GCM in contexts that are kept |
//! | `contexts` | such contexts under the keys of tokens |

pub(crate) mod aead;
pub(crate) mod compact;
pub(crate) mod contexts;
pub(crate) mod envelope;
pub(crate) mod header;
