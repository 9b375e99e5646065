//! The wire format of httpd's own module.
//!
//! | file | what it holds |
//! |---|---|
//! | `token` | a token, byte by byte |
//! | `cbc` | CBC in contexts that are kept |
//! | `anonymous` | sessions that say nothing about a user |

pub(crate) mod anonymous;
pub(crate) mod cbc;
pub(crate) mod token;
