//! The agent that carries the news of ended sessions between a server and the store of
//! its farm: a Redis or Valkey.
//!
//! Each server keeps the whole list of ended sessions in a table in its own memory, so a
//! request never waits for the network. The agent is a process beside those that answer
//! requests. It sends the records that they add, and adds the records that other servers
//! send. A record stays unsent in the table until the store has confirmed it.
//!
//! One connection carries questions, answers and messages. It is subscribed before all
//! records are read, so none is missed between. An answer comes after all messages that
//! were sent before the question, so a question a second shows that no news are missing.
//!
//! A file imports only from those below it in this table; `tests/layers.rs` checks it.
//!
//! | file | what it holds |
//! |---|---|
//! | `fuzzing` | parsers that nobody else calls alone, for the fuzz targets of `fuzz/` |
//! | `agent` | the agent: what it does when |
//! | `queue` | the records that the store is to take |
//! | `store` | the records in a store, and the channel that tells of new ones |
//! | `link` | a connection, in the clear or under TLS |
//! | `socket` | a socket whose reads and writes end at a deadline |
//! | `entry` | the form in which the store keeps a record |
//! | `host` | the process that an agent runs in |
//! | `trouble` | the reasons why a store cannot be used |
//! | `authorities` | authorities whose certificates are trusted |
//! | `address` | the address of a store, as an administrator writes it |
#![forbid(unsafe_code)]

pub use address::{Address, AddressError};
pub use agent::{Settings, run};
pub use authorities::{Authorities, NoCertificate};
pub use host::{Event, Host};
pub use trouble::Trouble;

mod address;
mod agent;
mod authorities;
mod entry;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod host;
mod link;
mod queue;
mod socket;
mod store;
mod trouble;
