//! The checks before httpd serves requests.
//!
//! | file | what it holds |
//! |---|---|
//! | `check` | settings that do not go together, and keys derived in advance |
//! | `warnings` | likely mistakes, which only the log mentions |
//! | `other_modules` | the same, in lines of other modules |
//! | `idle` | settings that do nothing without a line elsewhere |
//! | `keys` | the ids of keys, which the log tells at startup |
//! | `lines` | the lines of other modules that are in force in a section |
//! | `facts` | lines that count wherever they stand |
//! | `seconds`, `cookie`, `logs` | one line: a number of seconds, a cookie, a log |
//! | `found` | those that may be accepted, and how many lines they may have |
//! | `acceptable` | the warnings that an administrator may accept |

pub(crate) use acceptable::Acceptable;
pub(crate) use check::{prepare, server};
pub(crate) use idle::end_sessions;
pub(crate) use warnings::Warnings;

mod acceptable;
mod check;
mod cookie;
mod facts;
mod found;
mod idle;
mod keys;
mod lines;
mod logs;
mod other_modules;
mod seconds;
mod warnings;
