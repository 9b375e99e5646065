//! The wire format of JSON Web Encryption.
//!
//! | file | what it holds |
//! |---|---|
//! | `envelope` | a content key, encrypted to a certificate and signed |
//! | `header` | the header of a token |
//! | `members` | the members of a header |
//! | `key_id` | the id of a key in a JWK Set |
//! | `contexts` | AES-GCM contexts under the content keys of tokens |
//! | `compact` | a token, part by part |
//! | `aead` | AES-GCM in cipher contexts that are kept |

pub(crate) mod aead;
pub(crate) mod compact;
pub(crate) mod contexts;
pub(crate) mod envelope;
pub(crate) mod header;
pub(crate) mod key_id;
mod members;
