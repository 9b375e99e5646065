//! Files with secrets: read whole, and replaced whole.
//!
//! | file | what it holds |
//! |---|---|
//! | `replaced` | a file that is replaced at once, or made new |
//! | `read` | a file or standard input, read whole |

pub(crate) mod read;
pub(crate) mod replaced;
