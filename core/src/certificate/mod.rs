//! Certificates and private keys.
//!
//! | file | what it holds |
//! |---|---|
//! | `pairings` | the pairs that have been found |
//! | `pairing` | which key belongs to which certificate |
//! | `pairing_error` | why certificates and private keys do not go together |
//! | `sources` | where certificates and private keys are: files and URIs |
//! | `source_error` | why a source cannot be used |
//! | `key_file` | the forms that a file may have |
//! | `htaccess_file` | files of `.htaccess`, and the encrypted keys that may meet a passphrase |
//! | `unlock` | passphrases that are tried on a private key |
//! | `file_error` | the faults of a file |
//! | `rounds` | the time that one passphrase takes on an encrypted key |
//! | `attempts` | the number of passphrases that are tried on private keys |
//! | `identity` | the operations of a certificate and its private key |
//! | `private_key` | a private key, in memory or on a hardware token |
//! | `user_secret` | a secret that follows from a private key alone |
//! | `signature` | signatures by a private key |
//! | `wrapping` | content keys encrypted to a certificate |
//! | `certificate` | a certificate, and the kinds of keys that can be used |
//! | `content_keys` | content keys of tokens, by name |

pub(crate) mod attempts;
pub(crate) mod certificate;
pub(crate) mod content_keys;
pub(crate) mod file_error;
pub(crate) mod htaccess_file;
pub(crate) mod identity;
pub(crate) mod key_file;
pub(crate) mod pairing;
pub(crate) mod pairing_error;
pub(crate) mod pairings;
pub(crate) mod private_key;
pub(crate) mod rounds;
pub(crate) mod signature;
pub(crate) mod source_error;
pub(crate) mod sources;
pub(crate) mod unlock;
pub(crate) mod user_secret;
pub(crate) mod wrapping;
