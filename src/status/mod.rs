//! The report of what the server has done, for those who ask.
//!
//! The counters, and the forms of a report, are in crates of their own.
//!
//! | file | what it holds |
//! |---|---|
//! | `page` | the handler that sends a report, and the module's part of mod_status's page |
//! | `gather` | a report, gathered from what the process knows |

pub(crate) use page::{HANDLER, handle, section};

mod gather;
mod page;
