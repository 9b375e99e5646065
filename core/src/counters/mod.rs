//! The counters of sessions and keys, in memory that the processes of a server share.
//!
//! | file | what it holds |
//! |---|---|
//! | `keys` | the counters of keys |
//! | `lines` | a limit on the lines of the log about one event |
//! | `counters` | the counters of a server, and those of events |
//! | `directory` | the names of the keys that are counted |
//! | `entry` | the name of one key in memory that processes share |
//! | `layout` | where each counter is |
//! | `key` | a key that is counted, and its counts |
//! | `event` | the events that are counted |
//! | `device_event` | those about the devices of sessions |

pub(crate) mod counters;
pub(crate) mod device_event;
mod directory;
mod entry;
pub(crate) mod event;
pub(crate) mod key;
mod keys;
mod layout;
mod lines;
