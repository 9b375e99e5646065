//! Files with JWK Sets, and their changes while httpd runs.
//!
//! The parent looks at the files, because children may not read them. It hands the keys of a
//! file that has changed to the children through shared memory.
//!
//! | file | what it holds |
//! |---|---|
//! | `key_files` | all key files of a configuration |
//! | `look` | the parent's look at a key file, and what follows from it |
//! | `key_file` | a key file, with the keys in force |
//! | `lines` | the lines of the log about key files |
//! | `watch` | the state of the looks at a file |
//! | `shared_text` | the text of a JWK Set in shared memory |

pub(crate) use key_file::{KeyFile, KeysInForce};
pub(crate) use key_files::KeyFiles;

mod key_file;
mod key_files;
mod lines;
mod look;
mod shared_text;
mod watch;
