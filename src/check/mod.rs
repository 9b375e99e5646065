//! The checks before httpd serves requests.
//!
//! | file | what it holds |
//! |---|---|
//! | `check` | settings that do not go together, and keys derived in advance |
//! | `warnings` | likely mistakes, which only the log mentions |
//! | `other_modules` | the same, in lines of other modules |
//! | `device` | what binding sessions to devices needs in a server |
//! | `tls` | whether clients reach a server over TLS |
//! | `device_cookies` | whether a session's cookie goes where that of its device goes |
//! | `device_handler` | whether the handler of devices has anything to say where it stands |
//! | `idle` | settings that do nothing without a line elsewhere |
//! | `keys` | the ids of keys, which the log tells at startup |
//! | `chains` | the sections that requests of a server may be in together |
//! | `secrets` | whether the sessions of a section are encrypted |
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
mod chains;
mod check;
mod cookie;
mod device;
mod device_cookies;
mod device_handler;
mod facts;
mod found;
mod idle;
mod keys;
mod lines;
mod logs;
mod other_modules;
mod seconds;
mod secrets;
mod tls;
mod warnings;
