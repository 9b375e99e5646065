//! The session of a request.
//!
//! | file | what it holds |
//! |---|---|
//! | `hooks` | a session on its way in and out |
//! | `report` | the log lines about a request's session |
//! | `lifetimes` | births, lifetimes and ends of sessions |
//! | `realms` | how sessions stay in the realm that they belong to |

pub(crate) use lifetimes::{Life, Session};

pub(crate) mod hooks;
mod lifetimes;
pub(crate) mod realms;
mod report;
