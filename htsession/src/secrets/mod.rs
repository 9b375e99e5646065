//! The secrets that files have, and sessions sealed and opened with them.
//!
//! | file | what it holds |
//! |---|---|
//! | `sealing` | sessions sealed and opened with the secrets of a command line |
//! | `refusals` | why a token does not open, in words for the person who called |
//! | `key_set` | the JWK Set of a file |
//! | `certificates` | certificates with their private keys |
//! | `passphrases` | a file of passphrases |

pub(crate) mod certificates;
pub(crate) mod key_set;
pub(crate) mod passphrases;
pub(crate) mod refusals;
pub(crate) mod sealing;
