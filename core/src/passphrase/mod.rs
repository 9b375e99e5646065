//! Passphrases, and the keys derived from them.
//!
//! | file | what it holds |
//! |---|---|
//! | `list` | the passphrases of a section |
//! | `file` | a file of passphrases |
//! | `words` | the words of a line, as httpd splits it, and of a command |
//! | `weakness` | passphrases that can be guessed |
//! | `master_keys` | how a process gets the master keys of JWE |
//! | `key_job` | a key that the configuration needs before the children fork |
//! | `hour_keys` | the passphrases that need a classic key each hour |
//! | `passphrase` | a secret, and the keys under it |
//! | `classic_keys` | keys of the classic format, by what they are derived from |
//! | `master_slot` | the slot of a master key in a process |
//! | `master_table` | master keys in memory that processes share |
//! | `allowance` | how many derivations requests may ask for |

pub(crate) mod allowance;
pub(crate) mod classic_keys;
pub(crate) mod file;
pub(crate) mod hour_keys;
pub(crate) mod key_job;
pub(crate) mod list;
pub(crate) mod master_keys;
pub(crate) mod master_slot;
pub(crate) mod master_table;
pub(crate) mod passphrase;
pub(crate) mod weakness;
pub(crate) mod words;
