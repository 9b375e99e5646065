//! Panics, which are contained, and do not stop those who come after.
//!
//! | file | what it holds |
//! |---|---|
//! | `locks` | locks that a thread may have held when it panicked |
//! | `planted` | panics that a test plants |

pub mod locks;
#[cfg(feature = "planted-panics")]
pub(crate) mod planted;
