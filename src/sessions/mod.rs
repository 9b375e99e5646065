//! The session of a request.
//!
//! | file | what it holds |
//! |---|---|
//! | `end_sessions` | the handler that ends all sessions of a user |
//! | `hooks` | a session on its way in and out |
//! | `long_cookies` | cookies that browsers drop, because they are too long |
//! | `report` | the log lines about a request's session |
//! | `outcome` | the note that tells the access log what has happened to the session |
//! | `codes` | the codes of what happens to the session |
//! | `not_ended` | why a request has ended no sessions |
//! | `lifetimes` | births, lifetimes and ends of sessions |
//! | `users` | the users of sessions, under the keys of a section |
//! | `life` | what is known about the life of a session in the course of a request |
//! | `realms` | how sessions stay in the realm that they belong to |

pub(crate) use life::{Life, Session};

mod codes;
pub(crate) mod end_sessions;
pub(crate) mod hooks;
mod life;
mod lifetimes;
pub(crate) mod long_cookies;
mod not_ended;
pub(crate) mod outcome;
pub(crate) mod realms;
mod report;
mod users;
