//! The sessions that are ended before their time, in memory that processes share.
//!
//! | file | what it holds |
//! |---|---|
//! | `races` | tests of processes that stop and die between any two words |
//! | `file` | the form in which the records are kept in a file |
//! | `unsent` | the records that the store of a farm does not have yet |
//! | `add` | how a record is added |
//! | `table` | the table of records, and how they are found |
//! | `slot` | a record as words that a process may leave half written |
//! | `record` | records, which end sessions, and their ids |

pub(crate) mod add;
pub(crate) mod file;
#[cfg(test)]
mod races;
pub(crate) mod record;
pub(crate) mod slot;
pub(crate) mod table;
pub(crate) mod unsent;
