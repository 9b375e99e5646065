//! When a session began, and when it ends.
//!
//! | file | what it holds |
//! |---|---|
//! | `entry` | the entry that this module keeps in a session: birth, name and device |
//! | `times` | lifetimes and dates, as a configuration writes them |

pub(crate) mod entry;
pub mod times;
