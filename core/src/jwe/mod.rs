//! The wire format of JSON Web Encryption.
//!
//! | file | what it holds |
//! |---|---|
//! | `compact` | a token, part by part |
//! | `header` | what a header says |
//! | `aead` | AES-GCM in contexts that are kept |
//! | `contexts` | such contexts under the keys of tokens |

pub(crate) mod aead;
pub(crate) mod compact;
pub(crate) mod contexts;
pub(crate) mod header;
