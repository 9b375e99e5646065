//! Secrets that a file has, or a program prints, and marks on secrets.
//!
//! | file | what it holds |
//! |---|---|
//! | `program` | running a program that prints a secret |
//! | `file` | files that may contain a secret |
//! | `stamp` | the mark of one content of a file |
//! | `marks` | marks on secrets, for valgrind |

pub(crate) mod file;
pub(crate) mod marks;
pub mod program;
pub(crate) mod stamp;
