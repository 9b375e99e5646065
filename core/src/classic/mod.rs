//! The wire format of httpd's own module.
//!
//! | file | what it holds |
//! |---|---|
//! | `token` | a token, byte by byte |
//! | `cbc` | CBC in cipher contexts that are kept |
//! | `anonymous` | tokens whose sessions say nothing about a user |

pub(crate) mod anonymous;
pub(crate) mod cbc;
pub(crate) mod token;
