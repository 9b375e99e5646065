//! The secrets that a line of the configuration names.
//!
//! | file | what it holds |
//! |---|---|
//! | `sources` | the certificates and private keys that a word names |
//! | `passphrases` | the passphrases that a word, a program or a file gives |
//! | `command` | the program that a word names |
//! | `warnings` | warnings about secrets that can be guessed, and files that others can use |

pub(crate) use warnings::exposed;

pub(crate) mod command;
pub(crate) mod passphrases;
pub(crate) mod sources;
mod warnings;
