//! The session of a request.
//!
//! | file | what it holds |
//! |---|---|
//! | `end_sessions` | the handler that ends all sessions of a user |
//! | `hooks` | a session on its way in and out |
//! | `device_judgement` | whether a session comes from its device, and what follows |
//! | `device_offer` | the beginning and the end of a session's binding to a device |
//! | `device_page` | the page for a person whose session is not bound in time |
//! | `device_values` | the sealed values of devices, under the keys of a section |
//! | `standing` | the life of a session that a request does not bring |
//! | `long_cookies` | cookies that browsers drop, because they are too long |
//! | `device_report` | the log lines about the devices of sessions |
//! | `report` | the log lines about a request's session |
//! | `outcome` | the note that tells the access log what has happened to the session |
//! | `codes` | the codes of what happens to the session |
//! | `not_ended` | why a request has ended no sessions |
//! | `lifetimes` | births, lifetimes and ends of sessions |
//! | `entry` | the entry that this module keeps in a session |
//! | `users` | the users of sessions, under the keys of a section |
//! | `life` | what is known about the life of a session in the course of a request |
//! | `realms` | how sessions stay in the realm that they belong to |

pub(crate) use life::{Life, Session};
pub(crate) use outcome::note;
pub(crate) use report::say;
pub(crate) use standing::{key_cookie_rest, standing};

mod codes;
mod device_judgement;
pub(crate) mod device_offer;
pub(crate) mod device_page;
pub(crate) mod device_report;
pub(crate) mod device_values;
pub(crate) mod end_sessions;
mod entry;
pub(crate) mod hooks;
mod life;
mod lifetimes;
pub(crate) mod long_cookies;
mod not_ended;
pub(crate) mod outcome;
pub(crate) mod realms;
mod report;
mod standing;
mod users;
