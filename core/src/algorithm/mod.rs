//! Ciphers and digests by name, and keys made with them.
//!
//! | file | what it holds |
//! |---|---|
//! | `defaults` | the ciphers and digests of a section that names none |
//! | `cipher` | a cipher, and its wire format |
//! | `derivation` | every key derivation, with its rounds and labels |
//! | `digest` | a digest that can derive keys |
//! | `key_wrap` | AES key wrap |
//! | `user_key` | ids of users, which follow from a key |
//! | `hmac` | HMAC and PBKDF2 with a digest of an engine or provider |
//! | `error` | the reasons why a cipher or a digest cannot be used |

pub(crate) mod cipher;
pub(crate) mod defaults;
pub(crate) mod derivation;
pub(crate) mod digest;
pub(crate) mod error;
pub(crate) mod hmac;
pub(crate) mod key_wrap;
pub(crate) mod user_key;
