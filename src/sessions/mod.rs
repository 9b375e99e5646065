//! The session of a request.
//!
//! | file | what it holds |
//! |---|---|
//! | `hooks` | a session on its way in and out |
//! | `report` | the log lines about a request's session |
//! | `realms` | how sessions stay in the realm that they belong to |

pub(crate) mod hooks;
pub(crate) mod realms;
mod report;
