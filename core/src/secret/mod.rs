//! Secrets that a file has, or a program prints.
//!
//! | file | what it holds |
//! |---|---|
//! | `program` | running a program that prints a secret |
//! | `file` | files that may contain a secret |
//! | `stamp` | the mark of one content of a file |

pub(crate) mod file;
pub mod program;
pub(crate) mod stamp;
