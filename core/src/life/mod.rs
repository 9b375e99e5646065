//! When a session began, and when it ends.
//!
//! | file | what it holds |
//! |---|---|
//! | `pair` | that entry as the last pair of a session's text |
//! | `entry` | the entry that this module keeps in a session: birth, name and device |
//! | `times` | lifetimes and dates, as a configuration writes them |

pub(crate) mod entry;
mod pair;
pub mod times;
