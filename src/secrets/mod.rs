//! The secrets that a line of the configuration names.
//!
//! | file | what it holds |
//! |---|---|
//! | `sources` | the certificates and private keys that a word names |
//! | `passphrases` | the passphrases that a word, a program or a file gives |
//! | `programs` | the programs that words name, and their environment |
//! | `warnings` | warnings about secrets that can be guessed, and files that others can use |

pub(crate) use warnings::exposed;

pub(crate) mod passphrases;
pub(crate) mod programs;
pub(crate) mod sources;
mod warnings;
