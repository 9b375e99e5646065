//! The list of sessions that have ended before their time.
//!
//! | file | what it holds |
//! |---|---|
//! | `start` | what the parent does for the list as a configuration comes into force |
//! | `agent` | the agent's work, and its lines in the log |
//! | `revocation` | the list of a configuration in force |
//! | `settings` | the words of SessionCryptoRevocation |
//! | `kept_file` | the file that keeps the list over a full stop |
//! | `password_file` | the password of a store, in a file |
//! | `advice` | errors in those words and files, with what to write instead |

pub(crate) use advice::list_in_section;
pub(crate) use revocation::Revocation;
pub(crate) use settings::{Settings, read as read_settings};
pub(crate) use start::start;

mod advice;
mod agent;
mod kept_file;
mod password_file;
mod revocation;
mod settings;
mod start;
