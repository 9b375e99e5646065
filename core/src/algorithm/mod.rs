//! Ciphers and digests by name, and keys made with them.
//!
//! | file | what it holds |
//! |---|---|
//! | `cipher` | a cipher, and the wire format that it gives |
//! | `digest` | a digest that keys can be derived with |
//! | `defaults` | those of a section that names none |
//! | `derivation` | every key derivation, with its rounds and labels |
//! | `hmac` | HMAC and PBKDF2 with a digest of an engine or provider |
//! | `error` | why one cannot be used |

pub(crate) mod cipher;
pub(crate) mod defaults;
pub(crate) mod derivation;
pub(crate) mod digest;
pub(crate) mod error;
pub(crate) mod hmac;
