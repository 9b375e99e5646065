//! A farm: servers that share keys, seen through their status pages.
//!
//! A file imports only from those below it in this table.
//!
//! | file | what it holds |
//! |---|---|
//! | `rotation` | whether a rotation ends or drops a key that is in use |
//! | `json` | the judgement of a farm, for programs |
//! | `words` | the same, for people |
//! | `judgement` | whether each key may go, and if not, why |
//! | `behind` | the servers whose keys are not those of the others |
//! | `joined` | each key, with what each server says of it |
//! | `sample` | reports with keys, for tests |
//! | `key_file` | a key file, as it should be on each server |
//! | `servers` | the servers that have answered, and those that have not |
//! | `ask` | the reports of all servers, asked for at the same time |
//! | `access` | the login and the authority with which servers are asked |
//! | `address` | the address of a status page |

mod access;
mod address;
mod ask;
mod behind;
mod joined;
pub(crate) mod json;
pub(crate) mod judgement;
pub(crate) mod key_file;
pub(crate) mod rotation;
#[cfg(test)]
mod sample;
pub(crate) mod servers;
pub(crate) mod words;
