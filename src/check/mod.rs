//! The checks before httpd serves requests.
//!
//! | file | what it holds |
//! |---|---|
//! | `check` | settings that do not go together, and keys derived in advance |
//! | `warnings` | likely mistakes, which only the log mentions |

pub(crate) use check::{prepare, server};
pub(crate) use warnings::Warnings;

mod check;
mod warnings;
