//! The report of a server: what it has done with sessions and keys, in each form in which
//! people and programs read it.
//!
//! A report has no secret and no part of a session. The module makes one of its counters,
//! and the command `htsession` reads those of a farm.
//!
//! A file imports only from those below it in this table; `tests/layers.rs` checks it.
//!
//! | file | what it holds |
//! |---|---|
//! | `sample` | a report with something of each kind, for tests |
//! | `html` | a report as a page for people |
//! | `glance` | the sentences at the top of that page |
//! | `prometheus` | a report as Prometheus reads it |
//! | `json` | a report as JSON |
//! | `server_status` | the counts as a part of mod_status's page |
//! | `advice` | the state of a key in words, and what to do next |
//! | `report` | a report |
//! | `key` | a key in a report, and its state |
//! | `counts` | the counts in a report |
//! | `words` | numbers, times and lists in words |
#![forbid(unsafe_code)]

pub use advice::{Advice, advice};
pub use counts::{ByLabel, Counts, Errors, Reloads};
pub use html::html;
pub use json::{UnreadableReport, json, parse};
pub use key::{Key, Kind, State};
pub use prometheus::prometheus;
pub use report::{Records, Report, ReportInput, SetKey, VERSION};
pub use server_status::{lines, section};
pub use words::{and, count};

mod advice;
mod counts;
mod glance;
mod html;
mod json;
mod key;
mod prometheus;
mod report;
#[cfg(test)]
mod sample;
mod server_status;
mod words;
